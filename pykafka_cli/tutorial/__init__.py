"""The guided course of `pk tutorial`: chapters as data, a cluster to try things on, and a guide that watches it.

chapters/*.yaml    the text, the command of each step, and what shows that it was done
chapter.py         reads them
goals.py           what is to be seen on the cluster, and what is still missing
playground.py      servers in a temporary directory
progress.py        where the learner stopped
guide.py           the dialog
"""
