"""ComfyUI's graph of nodes: which texts, which seed, which model made the picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

NAMES = {
    "seed": ("seed", "noise_seed"),
    "steps": ("steps",),
    "guidance": ("cfg", "guidance"),
    "sampler": ("sampler_name",),
    "scheduler": ("scheduler",),
    "denoise": ("denoise",),
    "model": ("ckpt_name", "unet_name", "model_name", "model"),
    "width": ("width",),
    "height": ("height",),
}
"""A setting, and the inputs of nodes that hold it."""
TEXTS = ("text", "prompt", "text_g", "clip_l", "t5xxl", "value", "string")
"""Inputs that hold words, and are followed where they are a link to another node."""
MOST = 1_000
"""Nodes that are looked at."""

Node = Mapping[str, Any]
"""The inputs of a node: values, and links [number of another node, number of its output]."""


def read_graph(graph: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings in a graph as it is sent to be run; None when it is none."""
    nodes: dict[str, Node] = {
        str(number): node["inputs"]
        for number, node in list(graph.items())[:MOST]
        if isinstance(node, dict) and "class_type" in node and isinstance(node.get("inputs"), dict)
    }
    if not nodes:
        return None
    sampler = next((inputs for inputs in nodes.values() if _samples(inputs)), None)
    near = list(_upstream(nodes, sampler)) if sampler else []
    order = [*near, *nodes.values()]
    found: dict[str, Any] = {}
    if sampler is not None:
        found["prompt"] = _joined(_words(nodes, sampler, ("positive", "guider"), "negative"))
        found["negative_prompt"] = _joined(_words(nodes, sampler, ("negative",), "positive"))
    found["prompt"] = found.get("prompt") or _joined(t for n in nodes.values() for t in _own(n))
    for name, inputs in NAMES.items():
        values = (node[i] for node in order for i in inputs if _scalar(node.get(i)))
        found[name] = next(values, None)
    width, height = found.pop("width"), found.pop("height")
    return found | ({"size": f"{width}x{height}"} if width and height else {})


def _samples(inputs: Node) -> bool:
    """Whether the node is a sampler: words and a latent come in."""
    return ("positive" in inputs or "guider" in inputs) and (
        "latent_image" in inputs or "samples" in inputs or "latent" in inputs
    )


def _scalar(value: object) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _linked(nodes: Mapping[str, Node], value: object) -> Node | None:
    """The node that an input comes from, where it is a link."""
    link = isinstance(value, list) and len(value) == 2
    return nodes.get(str(value[0])) if link else None  # type: ignore[index]


def _upstream(nodes: Mapping[str, Node], start: Node, without: str = "") -> Iterator[Node]:
    """The node and all that flows into it, the nearest first, each once; not through one input."""
    waiting, seen = [start], {id(start)}
    while waiting:
        inputs = waiting.pop(0)
        yield inputs
        for name, value in inputs.items():
            source = None if name == without else _linked(nodes, value)
            if source is not None and id(source) not in seen:
                seen.add(id(source))
                waiting.append(source)


def _words(
    nodes: Mapping[str, Node], sampler: Node, inputs: tuple[str, ...], without: str
) -> Iterator[str]:
    """The words that flow into these inputs of a sampler."""
    for name in inputs:
        if (start := _linked(nodes, sampler.get(name))) is not None:
            for node in _upstream(nodes, start, without):
                yield from _own(node)


def _joined(words: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(words))


def _own(inputs: Node) -> Iterator[str]:
    for name in TEXTS:
        if isinstance(text := inputs.get(name), str) and text.strip():
            yield text.strip()
