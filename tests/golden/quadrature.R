# Recompute the golden files of the quadrature engine, in place: `Rscript tests/golden/quadrature.R [--out FOLDER] [name ...]`.
# `peer` is what R's bayesmeta gives, `exact` comes from exact.R; data, priors and grids are read from the files themselves.

suppressPackageStartupMessages({
  library(bayesmeta)
  library(metafor)
  library(jsonlite)
})
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
here <- dirname(normalizePath(script))
source(file.path(here, "exact.R"))

arguments <- commandArgs(trailingOnly = TRUE)
out <- here
if (length(arguments) > 1 && arguments[1] == "--out") {
  out <- arguments[2]
  arguments <- arguments[-(1:2)]
}

versions <- list(R = paste(R.version$major, R.version$minor, sep = "."))
for (name in c("bayesmeta", "metafor")) versions[[name]] <- as.character(packageVersion(name))

read <- function(name) fromJSON(file.path(here, paste0(name, ".json")), simplifyVector = FALSE)
write <- function(name, content) {
  content$versions[names(content$versions)] <- versions[names(content$versions)]
  writeLines(toJSON(content, auto_unbox = TRUE, digits = I(10), null = "null", na = "null"),
    file.path(out, paste0(name, ".json")))
}
numbers <- function(x) vapply(x, \(v) if (is.null(v)) NA_real_ else as.numeric(v), 0)
finite <- function(x) ifelse(is.finite(x), x, NA)

with_warnings <- function(expression) { # the value, or its error, with all warnings
  warnings <- character()
  value <- tryCatch(
    withCallingHandlers(expression, warning = function(w) {
      warnings <<- c(warnings, conditionMessage(w))
      invokeRestart("muffleWarning")
    }),
    error = identity
  )
  list(value = value, warnings = as.list(unique(warnings)))
}

peer_fit <- function(y, sigma, labels, prior, mu, ...) {
  normal <- mu$family == "normal"
  bayesmeta(y, sigma, labels = labels, tau.prior = prior$peer, mu.prior.mean = if (normal) mu$mean else NA,
    mu.prior.sd = if (normal) mu$sd else NA, ...)
}

peer_summary <- function(x) {
  rows <- c("tau", "mu", "theta")
  out <- lapply(rows, function(row) {
    s <- finite(unname(x$summary[, row]))
    central <- finite(switch(row, tau = x$qposterior(tau.p = c(0.025, 0.975)), mu = x$qposterior(mu.p = c(0.025, 0.975)),
      theta = x$qposterior(mu.p = c(0.025, 0.975), predict = TRUE)))
    list(mode = s[1], median = s[2], mean = s[3], sd = s[4], shortest = s[5:6], central = central)
  })
  setNames(out, c("tau", "mu", "theta_new"))
}
as_printed <- function(x) lapply(as.list(as.data.frame(x$summary)), \(s) as.list(setNames(finite(s), rownames(x$summary))))

joint_marginal <- function(m) {
  lapply(list(joint = m["joint", ], marginal = m["marginal", ]), \(r) as.list(finite(r[c("tau", "mu")])))
}

peer_case <- function(x, grids, weights_theta) {
  list(
    summary = peer_summary(x), marginal_likelihood = finite(x$marginal.likelihood),
    bayesfactor = list(tau0 = finite(x$bayesfactor[1, "tau=0"]), mu0 = finite(x$bayesfactor[1, "mu=0"]),
      tau0_min = finite(x$bayesfactor[2, "tau=0"]), mu0_min = finite(x$bayesfactor[2, "mu=0"])),
    ML = joint_marginal(x$ML), MAP = joint_marginal(x$MAP), p_mu_lt_0 = x$pposterior(mu = 0),
    p_theta_new_lt_0 = x$pposterior(mu = 0, predict = TRUE),
    density = list(tau = x$dposterior(tau = grids$tau), mu = x$dposterior(mu = grids$mu),
      theta_new = x$dposterior(mu = grids$theta_new, predict = TRUE), prior_tau = x$dprior(tau = grids$tau)),
    theta = setNames(lapply(3:8, \(i) unname(x$theta[i, ])), c("mode", "median", "mean", "sd", "lower", "upper")),
    weights = unname(x$weights), weights_theta = if (weights_theta) unname(x$weights.theta),
    I2_at_median_tau = x$I2(tau = x$summary["median", "tau"]), n_support = nrow(x$support)
  )
}

exact_case <- function(fit, y, sigma, prior, mu, grids) {
  effects <- list(mu = effect(fit, 1), theta_new = effect(fit, 1, new = TRUE))
  theta <- lapply(seq_along(y), \(i) theta_of(fit, i))
  intervals <- vapply(theta, shortest_of, c(0, 0))
  weights <- colSums(fit$w * fit$weights)
  out <- list(summary = c(list(tau = summary_of(fit)), lapply(effects, summary_of)))
  if (fit$proper) {
    at <- function(tau) given_tau(tau, y, sigma, cbind(rep(1, length(y))), mu$mean, matrix(mu$sd^-2), theta = FALSE)$log
    out$log_marginal_likelihood <- fit$log_marginal_likelihood
    out$marginal_likelihood <- exp(fit$log_marginal_likelihood)
    out$bayesfactor <- list(tau0 = exp(at(0) - fit$log_marginal_likelihood),
      mu0 = effects$mu$d(0) / dnorm(0, mu$mean, mu$sd)) # Savage and Dickey
  }
  c(out, list(p_mu_lt_0 = effects$mu$p(0), p_theta_new_lt_0 = effects$theta_new$p(0),
    density = list(tau = fit$d(grids$tau), mu = effects$mu$d(grids$mu), theta_new = effects$theta_new$d(grids$theta_new)),
    theta = list(median = vapply(theta, quantile_of, 0, 0.5), mean = vapply(theta, \(m) m$moments[1], 0),
      sd = vapply(theta, \(m) m$moments[2], 0), lower = intervals[1, ], upper = intervals[2, ]),
    weights = if (fit$flat) weights[seq_along(y)] else weights))
}

minus <- function(peer, exact) { # in units of the width of the central interval over 3.92
  width <- diff(exact$central) / 3.92
  numbers <- \(s) c(s$median, s$mean, s$sd, s$shortest, s$central)
  max(abs(numbers(peer) - numbers(exact)), na.rm = TRUE) / width
}

bayesmeta_file <- function(name) {
  content <- read(name)
  y <- numbers(content$y)
  sigma <- numbers(content$sigma)
  content$cases <- lapply(content$cases, function(case) {
    prior <- tau_prior(case$tau_prior, sigma)
    mu <- case$mu_prior
    grids <- lapply(case$grids, numbers)
    fit <- if (mu$family == "normal") {
      exact_fit(y, sigma, prior, mean = mu$mean, precision = matrix(mu$sd^-2))
    } else {
      exact_fit(y, sigma, prior)
    }
    case$exact <- exact_case(fit, y, sigma, prior, mu, grids)
    peer <- with_warnings(peer_fit(y, sigma, unlist(content$labels), prior, mu))
    case$peer_warnings <- peer$warnings
    if (inherits(peer$value, "error")) {
      case$peer_error <- conditionMessage(peer$value)
      return(case[setdiff(names(case), c("peer", "peer_minus_exact"))])
    }
    case$peer <- peer_case(peer$value, grids, weights_theta = !is.null(case$peer$weights_theta))
    unit <- case$peer_minus_exact$unit
    case$peer_minus_exact <- c(list(unit = unit),
      Map(minus, case$peer$summary, case$exact$summary),
      list(shrinkage_mean = max(abs(case$peer$theta$mean - case$exact$theta$mean) / case$exact$theta$sd),
        marginal_likelihood = if (fit$proper) abs(case$peer$marginal_likelihood / case$exact$marginal_likelihood - 1) else NA))
    if (!is.null(case$peer_tight)) {
      tight <- peer_fit(y, sigma, unlist(content$labels), prior, mu, delta = case$peer_tight$delta,
        epsilon = case$peer_tight$epsilon)
      case$peer_tight[c("n_support", "summary")] <- list(nrow(tight$support), as_printed(tight))
    }
    case
  })
  write(name, content)
}

edge_cases_file <- function(name) {
  content <- read(name)
  content$cases <- lapply(content$cases, function(case) {
    y <- numbers(case$y)
    sigma <- numbers(case$sigma)
    prior <- tau_prior(case$tau_prior, sigma)
    mu <- case$mu_prior
    fit <- exact_fit(y, sigma, prior, mean = mu$mean, precision = matrix(mu$sd^-2))
    case$exact <- list(summary = list(tau = summary_of(fit), mu = summary_of(effect(fit, 1)),
      theta_new = summary_of(effect(fit, 1, new = TRUE))), log_marginal_likelihood = fit$log_marginal_likelihood)
    seconds <- system.time(peer <- with_warnings(peer_fit(y, sigma, NULL, prior, mu)))[["elapsed"]]
    case$peer_warnings <- peer$warnings
    case$peer <- if (inherits(peer$value, "error")) {
      list(error = conditionMessage(peer$value))
    } else {
      list(summary = as_printed(peer$value), marginal_likelihood = finite(peer$value$marginal.likelihood), seconds = seconds)
    }
    case
  })
  write(name, content)
}

bmr_file <- function(name) {
  content <- read(name)
  y <- numbers(content$y)
  sigma <- numbers(content$sigma)
  X <- do.call(rbind, lapply(content$X, numbers))
  dimnames(X) <- list(unlist(content$labels), unlist(content$X_names))
  content$cases <- lapply(content$cases, function(case) {
    prior <- tau_prior(case$tau_prior, sigma)
    normal <- case$beta_prior$family == "normal"
    mean <- if (normal) numbers(case$beta_prior$mean) else rep(0, ncol(X))
    sd <- if (normal) numbers(case$beta_prior$sd)
    precision <- if (normal) diag(sd^-2, length(sd)) else matrix(0, ncol(X), ncol(X))
    places <- lapply(case$peer$predict, \(p) numbers(p$x))
    fit <- exact_fit(y, sigma, prior, X, mean, precision)
    case$exact <- exact_regression(fit, y, sigma, X, mean, precision, places)
    peer <- with_warnings(bmr(y, sigma, labels = unlist(content$labels), X = X, tau.prior = prior$peer,
      beta.prior.mean = if (normal) mean, beta.prior.sd = sd))
    case$peer_warnings <- peer$warnings
    case$peer <- peer_regression(peer$value, case$peer, places)
    case$peer_minus_exact[c("tau_mean", "beta_mean")] <- list(
      abs(case$peer$summary$tau$mean - case$exact$tau$mean) / case$exact$tau$sd,
      max(abs(case$peer$beta_mean - case$exact$beta_mean) / sqrt(diag(case$exact$beta_cov))))
    case
  })
  write(name, content)
}

exact_regression <- function(fit, y, sigma, X, mean, precision, places) {
  mean_beta <- colSums(fit$w * fit$beta)
  centred <- sweep(fit$beta, 2, mean_beta)
  covariance <- apply(fit$w * fit$cov, 2:3, sum) + crossprod(centred, fit$w * centred)
  dim(covariance) <- rep(ncol(X), 2)
  unit <- lapply(seq_len(ncol(X)), \(j) as.numeric(seq_len(ncol(X)) == j))
  list(
    tau = summary_of(fit), beta = setNames(lapply(unit, \(x) summary_of(effect(fit, x))), colnames(X)),
    beta_mean = I(mean_beta), beta_cov = covariance,
    log_marginal_likelihood = fit$log_marginal_likelihood,
    bayesfactor_tau0 = if (fit$proper) {
      exp(given_tau(0, y, sigma, X, mean, precision, theta = FALSE)$log - fit$log_marginal_likelihood)
    },
    theta = lapply(seq_along(y), \(i) {
      s <- theta_of(fit, i)
      list(median = quantile_of(s, 0.5), mean = s$moments[1], sd = s$moments[2], shortest = shortest_of(s))
    }),
    predict = lapply(places, \(x) {
      m <- effect(fit, x)
      n <- effect(fit, x, new = TRUE)
      q <- c(0.025, 0.5, 0.975)
      list(x = I(x), mean_quantiles = quantile_of(m, q), new_quantiles = quantile_of(n, q), mean_shortest = shortest_of(m),
        new_shortest = shortest_of(n))
    })
  )
}

peer_regression <- function(x, before, places) {
  named <- \(m) lapply(as.list(as.data.frame(m)), \(v) as.list(setNames(finite(v), rownames(m))))
  beta <- setdiff(colnames(x$summary), c("tau"))
  q <- c(0.025, 0.5, 0.975)
  moments <- x$beta.moments
  index <- setNames(seq_along(beta), beta)
  new <- list(
    summary = named(x$summary), MAP = named(x$MAP), ML = named(x$ML),
    central = lapply(index, \(j) x$qposterior(beta.p = q, which.beta = j)),
    beta_mean = I(unname(moments$mean)), beta_cov = unname(moments$covariance), marginal_likelihood = finite(x$marginal.likelihood),
    bayesfactor = named(x$bayesfactor), theta = named(t(x$theta)), n_support = length(x$support$tau),
    predict = lapply(places, \(p) list(x = I(p), mean_quantiles = x$qpredict(q, x = p), new_quantiles = x$qpredict(q, x = p, mean = FALSE),
      mean_shortest = unname(x$pred.interval(0.95, x = p)), new_shortest = unname(x$pred.interval(0.95, x = p, mean = FALSE))))
  )
  new[names(before)]
}

ppp_file <- function(name) { # Monte Carlo: the same only to within its standard error, so the seed is fixed
  content <- read(name)
  x <- bayesmeta(numbers(content$y), numbers(content$sigma), tau.prior = \(t) dhalfnormal(t, 0.5), mu.prior.mean = 0,
    mu.prior.sd = 4)
  n <- content$results$Q$n
  seconds <- system.time(p <- pppvalue(x, parameter = "tau", value = 0, alternative = "greater", statistic = "Q", n = n,
    quietly = TRUE, parallel = 1, seed = 20260101))[["elapsed"]]
  content$results$Q[c("p_value", "seconds")] <- list(p$p.value, seconds)
  write(name, content)
}

priors_file <- function(name) {
  content <- read(name)
  x <- numbers(content$x)
  p <- numbers(content$p)
  family <- list( # name in bayesmeta, arguments, whether mean and variance exist
    halfnormal_0.7 = list("halfnormal", list(scale = 0.7), TRUE), halft_df3_0.4 = list("halft", list(df = 3, scale = 0.4), TRUE),
    halfcauchy_0.3 = list("halfcauchy", list(scale = 0.3), FALSE),
    halflogistic_0.6 = list("halflogistic", list(scale = 0.6), TRUE),
    lomax_shape5_scale2 = list("lomax", list(shape = 5, scale = 2), TRUE), rayleigh_0.5 = list("rayleigh", list(scale = 0.5), TRUE),
    invchi_df4_0.5 = list("invchi", list(df = 4, scale = 0.5), TRUE)
  )
  stopifnot(setequal(names(family), names(content$dists)))
  content$dists <- lapply(family, \(f) {
    call <- \(prefix, ...) do.call(paste0(prefix, f[[1]]), c(list(...), f[[2]]))
    c(list(d = call("d", x), cdf = call("p", x), q = call("q", p)), if (f[[3]]) list(mean = call("e"), var = call("v")))
  })
  write(name, content)
}

files <- sub("\\.json$", "", list.files(here, "^(bayesmeta|bmr)_.*json$|^(edge_cases|ppp|prior_distributions)\\.json$"))
if (length(arguments) > 0) files <- arguments[arguments %in% files]
for (name in files) {
  seconds <- system.time(switch(sub("_.*", "", name), bayesmeta = bayesmeta_file(name), bmr = bmr_file(name),
    edge = edge_cases_file(name), ppp = ppp_file(name), prior = priors_file(name)))[["elapsed"]]
  cat(sprintf("%-34s %6.0f s\n", name, seconds))
}
