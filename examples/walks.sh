#!/bin/sh
# Three walks: back and forth between pictures and words, from one picture to another, and over
# the values of two options. Each leaves one picture that shows all of it.
set -eu
seed=7

unidiff t2i "a red apple" "a blue bird" --seed $seed -o "{name}.png" --force
unidiff chain "a red apple" --rounds 2 --through words --seed $seed -o chain.png --force
unidiff interpolate a-red-apple.png a-blue-bird.png -n 5 --seed $seed -o between.png \
    --animate between.gif --force
unidiff sweep "a red apple" --guidance 0,1,3 --seed 1,2 -o sweep.png --force
