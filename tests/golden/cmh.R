# Writes cmh.json: R's mantelhaen.test(x, correct = TRUE), base R alone, on tables near to no effect and far from it.
# Run with:  Rscript tests/golden/cmh.R > tests/golden/cmh.json
set.seed(20261129)
tables <- list(
  "two tables of 1/2 v 1/2" = list(ai = c(1, 1), bi = c(1, 1), ci = c(1, 1), di = c(1, 1)),
  "excess of exactly 1/2" = list(ai = c(2, 1), bi = c(1, 1), ci = c(1, 1), di = c(2, 1)),
  "opposite excesses" = list(ai = c(3, 1), bi = c(7, 9), ci = c(1, 3), di = c(9, 7)))
draw <- function(k) {
  n1 <- sample(3:30, k, TRUE); n2 <- sample(3:30, k, TRUE)
  a <- rbinom(k, n1, 0.4); c <- rbinom(k, n2, 0.4)
  list(ai = a, bi = n1 - a, ci = c, di = n2 - c)
}
for (i in 1:24) tables[[paste("drawn", i)]] <- draw(sample(2:6, 1))
vector <- function(x) paste0("[", paste(format(x, digits = 15, trim = TRUE), collapse = ", "), "]")
number <- function(x) format(x, digits = 15, scientific = FALSE, trim = TRUE)
rows <- vapply(names(tables), function(name) {
  t <- tables[[name]]
  x <- array(rbind(t$ai, t$ci, t$bi, t$di), c(2, 2, length(t$ai)))  # treatment in the first row, events in the first column
  found <- mantelhaen.test(x, correct = TRUE)
  cells <- paste0(sprintf('"%s": %s', names(t), vapply(t, vector, "")), collapse = ", ")
  sprintf('  {"name": "%s", %s, "statistic": %s, "p": %s}', name, cells, number(unname(found$statistic)), number(found$p.value))
}, "")
cat(sprintf('{"R": "%s",\n "call": "mantelhaen.test(x, correct = TRUE)",\n "tables": [\n', R.version.string))
cat(paste(rows, collapse = ",\n"), "\n]}\n", sep = "")
