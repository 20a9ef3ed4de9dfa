# Write the CSV files in data/ beside this script: meta-analyses of at most ten trials with arm sizes, as R's metadat has them.
# `Rscript benchmarks/calibration/build.R` rewrites them, columns and rows as they are. Needs metadat 1.7-2 (not in Debian 12;
# nothing but its data is used). The three sets that bayesmeta ships itself are read from bayesmeta/data/datasets.

library(metadat)
stopifnot(packageVersion("metadat") == "1.7.2")

frames <- c("anker2025", "bachmann2010", "bassler2004", "cannon2006", "chiarito2020", "collins1985b", "dagostino1998",
  "gibson2002", "hart1999", "hine1989", "nielweise2008", "steurer2006")
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
for (name in frames) {
  table <- get(paste0("dat.", name))
  file <- file(file.path(dirname(normalizePath(script)), "data", paste0(name, ".csv")), "wb")
  write.csv(table, file, row.names = FALSE, na = "", quote = which(!sapply(table, is.numeric)), eol = "\n",
    fileEncoding = "UTF-8")
  close(file)
}
