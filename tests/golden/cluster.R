# Writes cluster.json: CR2 and Satterthwaite by R's clubSandwich, on fits of R's metafor.
# Run with:  Rscript tests/golden/cluster.R > tests/golden/cluster.json
suppressMessages({library(metafor); library(clubSandwich); library(jsonlite); library(metadat)})
options(warn = -1)
one <- function(name, y, v, g, X, m) {
  con <- list(threshold = 1e-14, maxiter = 1e5)
  fit <- if (is.null(X)) rma(y, v, method = m, control = con) else rma(y, v, mods = X, method = m, control = con)
  V <- vcovCR(fit, cluster = g, type = "CR2")
  t <- coef_test(fit, vcov = V, test = "Satterthwaite"); ci <- conf_int(fit, vcov = V)
  list(name = name, y = y, se = sqrt(v), cluster = as.character(g), x = X, method = m, beta = t$beta, se_beta = t$SE,
    df = if (is.null(t$df)) t$df_Satt else t$df, p = if (is.null(t$p_Satt)) t$p else t$p_Satt, lower = ci$CI_L, upper = ci$CI_U,
    vcov = unname(as.matrix(V)))
}
k <- dat.konstantopoulos2011
b <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
out <- list()
for (m in c("DL", "REML", "EE")) {
  out[[length(out) + 1]] <- one("konstantopoulos2011", c(k$yi), c(k$vi), k$district, NULL, m)
  out[[length(out) + 1]] <- one("konstantopoulos2011", c(k$yi), c(k$vi), k$district, k$year - 1990, m)
  out[[length(out) + 1]] <- one("bcg", c(b$yi), c(b$vi), b$alloc, NULL, m)
  out[[length(out) + 1]] <- one("bcg", c(b$yi), c(b$vi), seq_along(b$yi), b$ablat, m)
}
# a common effect of estimates with a known block covariance
V <- vcalc(vi, cluster = district, obs = school, rho = 0.6, data = k)
f <- rma.mv(yi, V, mods = ~ I(year - 1990), data = k)
t <- coef_test(f, vcov = "CR2", cluster = k$district); ci <- conf_int(f, vcov = "CR2", cluster = k$district)
out[[length(out) + 1]] <- list(name = "konstantopoulos2011 covariance", y = c(k$yi), se = sqrt(c(k$vi)), cov = unname(as.matrix(V)),
  cluster = as.character(k$district), x = k$year - 1990, method = "EE", beta = t$beta, se_beta = t$SE,
  df = if (is.null(t$df)) t$df_Satt else t$df, p = if (is.null(t$p_Satt)) t$p else t$p_Satt, lower = ci$CI_L, upper = ci$CI_U,
  vcov = unname(as.matrix(vcovCR(f, cluster = k$district, type = "CR2"))))
cat(toJSON(list(peer = "clubSandwich", versions = list(R = paste(R.version$major, R.version$minor, sep = "."),
  metafor = as.character(packageVersion("metafor")), clubSandwich = as.character(packageVersion("clubSandwich"))),
  fits = out), digits = 15, auto_unbox = TRUE, na = "null", null = "null"), "\n")
