"""What each trick buys: one recipe with and without it, over paired seeds. `tuning.ablate` is the way in.

An ablation is a folder:

ablation.json          what is compared (AblationSettings): written first, compared when an ablation goes on
runs/RECIPE/SEED/      the run folder of one recipe with one seed, as zoo.train leaves it
lock                   locked by the one process that trains these runs
ablation.csv           a row a run
effects.csv            a row a trick, design and measure: effect, 95 % interval, test
forest.png             the same as a picture
worker-N.log           what the worker processes print
"""
