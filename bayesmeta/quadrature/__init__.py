"""The quadrature engine: posteriors of Gaussian models by a double-exponential rule over tau, no sampling.

Arrays come with the study axis first where they have one, then the lanes (independent meta-analyses), then the
components of a normal mixture prior on the coefficients, then the nodes over tau. Sums over studies are elementwise
along the first axis, so that a lane's result does not depend on the lanes beside it, to the last bit.
"""
