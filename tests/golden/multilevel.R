# Writes multilevel.json: R's metafor (rma.mv), iterated to convergence: two levels, and several outcomes.
# Run with:  Rscript tests/golden/multilevel.R > tests/golden/multilevel.json
suppressMessages({library(metafor); library(jsonlite); library(metadat)})
options(warn = -1)
# the highest of what two optimisers find, each as tight as it says that it got
fit_mv <- function(...) {
  best <- NULL
  for (tol in 10^-(15:9)) {
    fit <- try(rma.mv(..., control = list(optimizer = "nlminb", rel.tol = tol, iter.max = 5000, eval.max = 20000)), silent = TRUE)
    if (!inherits(fit, "try-error")) { best <- fit; break }
  }
  for (start in c(0.2, 0.02)) {
    fit <- try(rma.mv(..., control = list(optimizer = "bobyqa", rhobeg = start, rhoend = start * 1e-9, maxfun = 1e5)), silent = TRUE)
    if (!inherits(fit, "try-error") && (is.null(best) || logLik(fit) > logLik(best))) best <- fit
  }
  best
}

matrix_rows <- function(V) unname(lapply(seq_len(nrow(V)), function(i) V[i, ]))
common <- function(fit, X) {
  list(method = fit$method, X = matrix_rows(X), test = fit$test, beta = c(fit$beta), se = fit$se, zval = c(fit$zval),
    pval = c(fit$pval), ci_lb = fit$ci.lb, ci_ub = fit$ci.ub, vcov = matrix_rows(fit$vb), QE = fit$QE, QEp = fit$QEp,
    QM = fit$QM, QMp = fit$QMp, loglik = as.numeric(logLik(fit)))
}

nested <- function(name, y, v, cluster, X, m, t, profile = FALSE) {
  d <- data.frame(y = y, v = v, cluster = cluster, row = seq_along(y))
  fit <- fit_mv(y, v, mods = X, intercept = FALSE, random = ~ 1 | cluster/row, data = d, method = m, test = t)
  W <- diag(1 / v); P <- W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
  typical <- (fit$k - fit$p) / sum(diag(P))
  out <- c(list(name = name, y = y, v = v, cluster = as.character(cluster)), common(fit, X),
    list(sigma2 = fit$sigma2, I2 = 100 * fit$sigma2 / (sum(fit$sigma2) + typical)))
  if (ncol(X) == 1) { p <- predict(fit); out$prediction <- c(p$pi.lb, p$pi.ub) }
  if (profile) {
    con <- list(tol = 1e-12, maxiter = 1e5)
    out$profile <- lapply(1:2, function(i) unname(confint(fit, sigma2 = i, control = con)$random[1, 2:3]))
  }
  out
}

several <- function(name, y, V, outcome, cluster, X, m, t, struct) {
  d <- data.frame(y = y, outcome = factor(outcome), cluster = cluster)
  fit <- fit_mv(y, V, mods = X, intercept = FALSE, random = ~ outcome | cluster, struct = struct, data = d, method = m, test = t)
  G <- fit$G; o <- unique(as.character(outcome))
  c(list(name = name, y = y, cov = matrix_rows(as.matrix(V)), outcome = as.character(outcome),
    cluster = as.character(cluster), struct = struct), common(fit, X), list(outcomes = o, G = matrix_rows(G[o, o])))
}

out <- list()
k <- dat.konstantopoulos2011
a <- dat.assink2016
for (m in c("REML", "ML")) for (t in c("z", "t")) {
  ones <- function(n) matrix(1, n, 1)
  out[[length(out) + 1]] <- nested("konstantopoulos2011", c(k$yi), c(k$vi), k$district, ones(nrow(k)), m, t, t == "z")
  out[[length(out) + 1]] <- nested("konstantopoulos2011", c(k$yi), c(k$vi), k$district, cbind(1, k$year - 1990), m, t)
  out[[length(out) + 1]] <- nested("assink2016", c(a$yi), c(a$vi), a$study, ones(nrow(a)), m, t, t == "z")
  out[[length(out) + 1]] <- nested("assink2016", c(a$yi), c(a$vi), a$study, cbind(1, a$pubstatus, a$year), m, t)
}
b <- dat.berkey1998
Vb <- bldiag(lapply(split(b[, c("v1i", "v2i")], b$trial), as.matrix))
s <- dat.kalaian1996
s <- s[s$study %in% unique(s$study), ]
Vs <- vcalc(vi, cluster = study, obs = outcome, data = s, rho = 0.66)
dummies <- function(o) sapply(unique(as.character(o)), function(x) as.numeric(o == x))
many <- list()
for (m in c("REML", "ML")) for (struct in c("UN", "CS", "DIAG")) {
  many[[length(many) + 1]] <- several("berkey1998", c(b$yi), Vb, b$outcome, b$trial, dummies(b$outcome), m, "z", struct)
  many[[length(many) + 1]] <- several("berkey1998", c(b$yi), Vb, b$outcome, b$trial,
    cbind(dummies(b$outcome), dummies(b$outcome) * (b$year - 1983)), m, "t", struct)
  many[[length(many) + 1]] <- several("kalaian1996", c(s$yi), Vs, s$outcome, s$study, dummies(s$outcome), m, "z", struct)
}
# three outcomes, some of them missing; drawn once and rounded
three <- data.frame(cluster = c(1,1,1,2,2,3,3,3,4,4,5,5,5,6,6,7,7,8,8,8),
  outcome = c("a","b","c","a","b","a","b","c","b","c","a","b","c","a","c","a","b","a","b","c"),
  y = c(.41,.62,-.11,.05,.33,.94,1.21,.35,.48,.02,-.22,.31,-.47,.66,.14,.12,.55,1.12,.91,.62),
  v = c(.04,.05,.03,.02,.03,.06,.05,.07,.03,.02,.04,.04,.05,.02,.03,.05,.06,.03,.02,.04))
V3 <- vcalc(v, cluster = cluster, obs = outcome, data = three, rho = 0.4)
for (m in c("REML", "ML")) for (struct in c("UN", "CS", "DIAG"))
  many[[length(many) + 1]] <- several("three", three$y, V3, three$outcome, three$cluster, dummies(three$outcome), m, "z", struct)

cat(toJSON(list(peer = "metafor", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), metadat = as.character(packageVersion("metadat"))),
  nested = out, multivariate = many), digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
