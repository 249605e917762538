"""Every process of the cluster replaced, one after the other, while people work (R-44, R-45).

As Kubernetes does it: a process leaves the rotation, is asked to end, finishes what it accepted,
and another starts in its place. First the same program, then the version after it, whose schemas
have a step more. Nobody may notice.
"""
