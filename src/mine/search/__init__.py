"""Which settings made the write-up's pictures? A search over what it leaves unstated.

``space`` has the settings, ``stages`` which of them run when, ``running`` trains them, ``fits`` ranks and judges. Every
rule and number here was committed before the first run. Targets and distance: ``mine.writeup.targets``.

Importing this package and ``mine.search.plan`` loads neither torch nor pandas, so that a Snakefile can.
"""
