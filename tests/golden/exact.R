# The normal-normal model by quadrature, independently of any package: y ~ N(X beta, diag(sigma^2) + tau^2).
# 1600 nodes over u = log tau: 100 panels of 16 Gauss-Legendre nodes each. Given tau, everything is Gaussian.

gauss_legendre <- function(n) { # Golub and Welsch
  i <- seq_len(n - 1)
  b <- i / sqrt(4 * i^2 - 1)
  J <- matrix(0, n, n)
  J[cbind(i, i + 1)] <- J[cbind(i + 1, i)] <- b
  e <- eigen(J, symmetric = TRUE)
  list(x = rev(e$values), w = rev(2 * e$vectors[1, ]^2))
}
RULE <- gauss_legendre(16)

# Log density, p(t) ~ t^-tail for large t (Inf: lighter than any power), and the mass below exp(u) where log t has a
# long tail; then the upper end and what R's bayesmeta calls it.
tau_prior <- function(p, sigma) {
  k <- length(sigma)
  s2 <- sigma^2
  each <- function(t, f) vapply(t, f, 0)
  prior <- switch(p$family,
    halfnormal = list(\(t) dnorm(t, 0, p$scale, log = TRUE) + log(2), Inf),
    halfcauchy = list(\(t) dcauchy(t, 0, p$scale, log = TRUE) + log(2), 2),
    halft = list(\(t) dt(t / p$scale, p$df, log = TRUE) + log(2 / p$scale), p$df + 1),
    halflogistic = list(\(t) dlogis(t, 0, p$scale, log = TRUE) + log(2), Inf),
    exponential = list(\(t) dexp(t, p$rate, log = TRUE), Inf),
    lomax = list(\(t) log(p$shape / p$scale) - (p$shape + 1) * log1p(t / p$scale), p$shape + 1),
    rayleigh = list(\(t) log(t) - 2 * log(p$scale) - t^2 / (2 * p$scale^2), Inf),
    lognormal = list(\(t) dlnorm(t, p$meanlog, p$sdlog, log = TRUE), Inf),
    logstudentt = list(\(t) dt((log(t) - p$location) / p$scale, p$df, log = TRUE) - log(p$scale) - log(t), 1,
      \(u) pt((u - p$location) / p$scale, p$df)),
    invgamma_on_tau2 = list(\(t) log(2) + p$shape * log(p$scale) - lgamma(p$shape) - (2 * p$shape + 1) * log(t) -
      p$scale / t^2, 2 * p$shape + 1),
    uniform = if (is.null(p$upper)) list(\(t) 0 * t, 0) else list(\(t) dunif(t, p$lower, p$upper, log = TRUE), Inf),
    sqrt = list(\(t) -log(t) / 2, 0.5),
    jeffreys = list(\(t) each(t, \(x) log(x) + log(sum((s2 + x^2)^-2)) / 2), 1),
    overalljeffreys = list(\(t) each(t, \(x) log(x) + log(sum(1 / (s2 + x^2)) * sum((s2 + x^2)^-2)) / 2), 2),
    bergerdeely = list(\(t) each(t, \(x) log(x) - sum(log(s2 + x^2)) / k), 1),
    conventional = list(\(t) each(t, \(x) log(x) - 1.5 * sum(log(s2 + x^2)) / k), 2),
    dumouchel = list(\(t) log(p$s0) - 2 * log(p$s0 + t), 2),
    shrinkage = list(\(t) log(2 * p$s02) + log(t) - 2 * log(p$s02 + t^2), 3),
    i2 = list(\(t) log(2 * p$sigma2hat) + log(t) - 2 * log(p$sigma2hat + t^2), 3),
    stop("no density for ", p$family)
  )
  log_density <- prior[[1]]
  if (p$family == "conventional") { # the one whose constant has no formula
    constant <- log(integrate(\(u) exp(prior[[1]](exp(u)) + u), log(min(sigma)) - 40, log(max(sigma)) + 40,
      rel.tol = 1e-13, subdivisions = 5000)$value)
    log_density <- \(t) prior[[1]](t) - constant
  }
  named <- c(overalljeffreys = "overallJeffreys", jeffreys = "Jeffreys", bergerdeely = "BergerDeely", i2 = "I2",
    conventional = "conventional", dumouchel = "DuMouchel", shrinkage = "shrinkage", sqrt = "sqrt")
  peer <- if (p$family %in% names(named)) named[[p$family]] else \(t) exp(log_density(t))
  if (p$family == "uniform" && is.null(p$upper)) peer <- "uniform"
  list(log_density = log_density, tail = prior[[2]], below = if (length(prior) > 2) prior[[3]] else \(u) 0, upper = if (is.null(p$upper)) Inf else p$upper, peer = peer,
    # whether it can be normalised: `proper` where the file says so
    proper = !p$family %in% c("sqrt", "jeffreys", "overalljeffreys", "bergerdeely") &&
      !(p$family == "uniform" && is.null(p$upper)))
}

# Everything given each of tau: log marginal likelihood, beta (node, p), its covariance (node, p, p), theta and its variance.
# `precision` is the prior precision matrix of beta; all zero means flat.
given_tau <- function(tau, y, sigma, X, mean, precision, theta = TRUE) {
  n <- length(tau)
  k <- length(y)
  p <- ncol(X)
  out <- list(log = numeric(n), beta = matrix(0, n, p), cov = array(0, c(n, p, p)), theta = matrix(0, n, k),
    theta_var = matrix(0, n, k), weights = matrix(0, n, k + 1))
  flat <- all(precision == 0)
  for (i in seq_len(n)) {
    w <- 1 / (sigma^2 + tau[i]^2)
    A <- crossprod(X, w * X) + precision
    C <- solve(A)
    b <- drop(C %*% (crossprod(X, w * y) + precision %*% mean))
    r <- y - drop(X %*% b)
    ss <- sum(w * r^2) + drop((b - mean) %*% precision %*% (b - mean))
    logdet <- as.numeric(determinant(A)$modulus)
    prior <- if (flat) p * log(2 * pi) else as.numeric(determinant(precision)$modulus)
    out$log[i] <- (sum(log(w)) - k * log(2 * pi) - ss - logdet + prior) / 2
    out$beta[i, ] <- b
    out$cov[i, , ] <- C
    if (!theta) next
    shrink <- sigma^2 * w # weight of the regression
    out$theta[i, ] <- y - shrink * r
    D <- shrink * X
    out$theta_var[i, ] <- tau[i]^2 * shrink + rowSums((D %*% C) * D)
    if (p == 1) out$weights[i, ] <- c(w, precision) / A[1, 1]
  }
  out
}

# The posterior: nodes, weights and functions of them.
exact_fit <- function(y, sigma, prior, X = cbind(rep(1, length(y))), mean = rep(0, ncol(X)),
                      precision = matrix(0, ncol(X), ncol(X))) {
  log_f <- function(u) {
    prior$log_density(exp(u)) + u + given_tau(exp(u), y, sigma, X, mean, precision, theta = FALSE)$log
  }
  flat <- all(precision == 0)
  power <- prior$tail + length(y) - if (flat) ncol(X) else 0 # posterior density of tau ~ tau^-power
  top <- if (is.finite(prior$upper)) log(prior$upper) else 80
  u <- seq(-80, top, length.out = 1000)
  f <- log_f(u)
  f[is.nan(f)] <- -Inf
  moment <- f + min(2, max(0, ceiling(power - 1) - 1)) * u
  used <- range(which(f > max(f) - 44 | moment > max(moment) - 40))
  edges <- seq(u[max(used[1] - 1, 1)], u[min(used[2] + 1, length(u))], length.out = 101)
  half <- diff(edges) / 2
  nodes <- as.vector(outer(RULE$x, half) + rep(edges[-1] - half, each = 16))
  lw <- log_f(nodes) + log(as.vector(outer(RULE$w, half)))
  first <- edges[1] # what lies below is as good as tau = 0
  nodes <- c(nodes, first)
  lw <- c(lw, log(prior$below(first)) + given_tau(exp(first), y, sigma, X, mean, precision, theta = FALSE)$log)
  shift <- max(lw)
  total <- sum(exp(lw - shift))
  fit <- given_tau(exp(nodes), y, sigma, X, mean, precision)
  fit$tau <- exp(nodes)
  fit$w <- exp(lw - shift) / total
  fit$proper <- prior$proper && !flat
  fit$log_marginal_likelihood <- if (fit$proper) shift + log(total) else NULL
  fit$finite <- power - 1 > c(mean = 1, sd = 2)
  fit$flat <- flat
  fit$d <- function(t) exp(log_f(log(t)) - log(t) - shift) / total
  share <- fit$w[1601] + c(0, cumsum(colSums(matrix(fit$w[1:1600], 16))))
  fit$p <- function(t) vapply(t, function(x) {
    if (x <= exp(edges[1])) return(0)
    if (x >= exp(edges[101])) return(1)
    j <- findInterval(log(x), edges)
    h <- (log(x) - edges[j]) / 2
    share[j] + sum(RULE$w * h * exp(log_f(edges[j] + h * (1 + RULE$x)) - shift)) / total
  }, 0)
  fit$lower <- 0
  fit$upper <- prior$upper
  fit$range <- exp(range(edges))
  fit$moments <- c(sum(fit$w * fit$tau), 0)
  fit$moments[2] <- sqrt(sum(fit$w * (fit$tau - fit$moments[1])^2))
  fit$moments[!fit$finite] <- NA
  fit
}

# A mixture of normals as the same set of functions.
mixture <- function(w, m, s, finite = c(TRUE, TRUE)) {
  centre <- sum(w * m)
  spread <- sqrt(sum(w * (s^2 + (m - centre)^2)))
  keep <- w > 1e-20 # enough for probabilities, not for moments
  w <- w[keep]
  m <- m[keep]
  s <- s[keep]
  heavy <- w > 1e-12
  list(
    d = \(x) vapply(x, \(v) sum(w * dnorm(v, m, s)), 0), p = \(x) vapply(x, \(v) sum(w * pnorm(v, m, s)), 0),
    range = range((m - 8 * s)[heavy], (m + 8 * s)[heavy]), scale = s[which.max(cumsum(w) > 0.5)], lower = -Inf, upper = Inf,
    moments = ifelse(finite, c(centre, spread), NA)
  )
}

quantile_of <- function(m, q) vapply(q, function(v) {
  if (m$lower == 0) { # a scale: on the log scale
    return(exp(uniroot(\(u) m$p(exp(u)) - v, log(m$range), tol = 1e-14)$root))
  }
  uniroot(\(x) m$p(x) - v, m$range, tol = 1e-14 * m$scale)$root
}, 0)

mode_of <- function(m) {
  x <- quantile_of(m, c(1e-6, seq(0.01, 0.99, 0.01), 1 - 1e-6))
  if (m$lower == 0) x <- c(m$range[1], x)
  d <- m$d(x)
  i <- which.max(d)
  if (m$lower == 0 && d[i] <= d[1] * (1 + 1e-9)) return(0)
  best <- optimize(m$d, x[pmin(pmax(i + c(-1, 1), 1), length(x))], maximum = TRUE, tol = 1e-12)
  if (m$lower == 0 && best$objective <= d[1] * (1 + 1e-9)) 0 else best$maximum
}

shortest_of <- function(m, level = 0.95) {
  ends <- function(t) if (t == 0) c(m$lower, quantile_of(m, level)) else quantile_of(m, c(t, t + level))
  difference <- function(t) diff(log(m$d(ends(t))))
  t <- (1 - level) * c(1e-7, 1e-5, 1e-3, seq(0.02, 0.98, 0.02), 1 - 1e-3, 1 - 1e-5)
  best <- which.min(vapply(t, \(v) diff(ends(v)), 0))
  near <- t[pmin(pmax(best + c(-2, 2), 1), length(t))]
  sign <- sign(c(difference(near[1]), difference(near[2])))
  if (sign[1] == sign[2]) return(if (sign[1] < 0) ends(0) else c(quantile_of(m, 1 - level), m$upper))
  ends(uniroot(difference, near, tol = 1e-15)$root)
}

summary_of <- function(m) {
  q <- quantile_of(m, c(0.5, 0.025, 0.975))
  list(mode = mode_of(m), median = q[1], mean = m$moments[1], sd = m$moments[2], shortest = shortest_of(m),
    central = q[2:3])
}

# Coefficients, or any combination x of them, and the effect of a new study with covariates x.
effect <- function(fit, x, new = FALSE) {
  variance <- apply(fit$cov, 1, \(C) drop(x %*% C %*% x))
  if (length(x) == 1) variance <- fit$cov[, 1, 1] * x^2
  finite <- if (new || fit$flat) fit$finite else c(TRUE, TRUE)
  mixture(fit$w, drop(fit$beta %*% x), sqrt(variance + if (new) fit$tau^2 else 0), finite)
}

theta_of <- function(fit, i) mixture(fit$w, fit$theta[, i], sqrt(fit$theta_var[, i]))
