
"use strict";
const find = (id) => document.getElementById(id);
const [words, count, none, closer, large, facts, place] =
  ["words", "count", "none", "closer", "large", "facts", "place"].map(find);
const entries = [...document.querySelectorAll("#pictures > li")].map((row) => ({
  row,
  card: row.querySelector("button"),
  picture: row.querySelector("img"),
  facts: row.querySelector("dl"),
  text: row.textContent.toLowerCase(),
}));
let shown = entries;
let open = 0;

function search() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = entries.filter(({ text }) => wanted.every((word) => text.includes(word)));
  const here = new Set(shown);
  for (const entry of entries) entry.row.hidden = !here.has(entry);
  none.hidden = shown.length > 0 || entries.length === 0;
  const all = entries.length === 1 ? "1 picture" : `${entries.length} pictures`;
  count.textContent = wanted.length ? `${shown.length} of ${all}` : all;
}

function look(number) {
  open = (number + shown.length) % shown.length;
  const { picture, facts: known, card } = shown[open];
  large.src = picture.src;
  large.alt = card.textContent;
  facts.replaceChildren(...known.cloneNode(true).children);
  place.textContent = `${open + 1} of ${shown.length}`;
  if (!closer.open) closer.showModal();
}

function columns() {
  const top = shown[0].row.offsetTop;
  const below = shown.findIndex(({ row }) => row.offsetTop > top);
  return below < 0 ? shown.length : below;
}

function go(key, at) {
  const last = shown.length - 1;
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns(), ArrowDown: at + columns(), Home: 0, End: last }[key];
  if (to >= 0 && to <= last) shown[to].card.focus();
}

words.addEventListener("input", search);
words.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" && shown.length) { event.preventDefault(); shown[0].card.focus(); }
  if (event.key === "Escape" && words.value) { event.preventDefault(); words.value = ""; search(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (closer.open) {
    if (event.key === "ArrowLeft") { event.preventDefault(); look(open - 1); }
    if (event.key === "ArrowRight") { event.preventDefault(); look(open + 1); }
    return;
  }
  if (event.key === "/" && event.target !== words) { event.preventDefault(); words.focus(); words.select(); return; }
  const at = shown.findIndex(({ card }) => card === event.target);
  if (at >= 0 && /^(Arrow|Home$|End$)/.test(event.key)) { event.preventDefault(); go(event.key, at); }
});
for (const entry of entries) entry.card.addEventListener("click", () => look(shown.indexOf(entry)));
find("before").addEventListener("click", () => look(open - 1));
find("after").addEventListener("click", () => look(open + 1));
find("close").addEventListener("click", () => closer.close());
closer.addEventListener("close", () => shown[open]?.card.focus());
search();
