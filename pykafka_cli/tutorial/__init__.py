"""The guided course of `pk tutorial`: chapters as data, a cluster to practice on, and a guide that watches it.

chapters/*.yaml    the text and the command of each step, and how to see that it was done
chapter.py         reads them
goals.py           conditions on the cluster, and what they still lack
playground.py      servers in a temporary directory
progress.py        where the learner stopped
guide.py           the dialog
"""
