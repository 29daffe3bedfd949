# A filter for --worker-io npy, in R without packages: see threshold_npy.c, which does the same.
#
#     pw-stream run image.tif --fn 'exec:Rscript examples/workers/threshold_npy.R 300' --worker-io npy \
#         --merge touch -o labels.zarr
#
# A plane or a volume of uint8 or uint16; voxels above the threshold that touch in a face are one label.

threshold <- as.numeric(commandArgs(trailingOnly = TRUE)[1])
if (is.na(threshold)) stop("usage: threshold_npy.R THRESHOLD")
input <- file("stdin", "rb")
output <- pipe("cat", "wb") # stdout() of R writes text only

# n bytes that belong to a frame.
take <- function(n) {
  bytes <- raw(0)
  while (length(bytes) < n) {
    step <- readBin(input, "raw", n - length(bytes))
    if (length(step) == 0) stop("a frame is not whole")
    bytes <- c(bytes, step)
  }
  bytes
}

# Labels of a mask, [x, y, z] as R has it (x fastest): a voxel that has no label yet floods what it is connected with, all
# voxels that are equally far at once.
label_mask <- function(mask) {
  size <- dim(mask)
  row <- size[1]
  plane <- size[1] * size[2]
  label <- integer(length(mask))
  count <- 0L
  for (first in which(mask)) {
    if (label[first] != 0L) next
    count <- count + 1L
    front <- first
    while (length(front) > 0) {
      label[front] <- count
      x <- (front - 1) %% row
      y <- ((front - 1) %/% row) %% size[2]
      z <- (front - 1) %/% plane
      near <- c(front[x > 0] - 1, front[x + 1 < row] + 1, front[y > 0] - row, front[y + 1 < size[2]] + row,
                front[z > 0] - plane, front[z + 1 < size[3]] + plane)
      front <- unique(near[mask[near] & label[near] == 0L])
    }
  }
  label
}

repeat {
  head <- readBin(input, "raw", 10)
  if (length(head) < 10) break # the end: no more tiles
  text <- rawToChar(take(as.integer(head[9]) + 256L * as.integer(head[10])))
  if (!grepl("'descr': '[<|]u[12]'", text)) stop("voxels are uint8 or uint16 here, not ", text)
  bytes <- as.integer(sub(".*'descr': '[<|]u([12])'.*", "\\1", text))
  shape <- as.integer(strsplit(sub(".*'shape': \\(([0-9, ]+)\\).*", "\\1", text), ", *")[[1]])
  voxels <- readBin(take(prod(shape) * bytes), "integer", prod(shape), size = bytes, signed = FALSE, endian = "little")
  # numpy has the last axis fastest, R the first.
  size <- rev(c(rep(1L, 3 - length(shape)), shape))
  labels <- label_mask(array(voxels > threshold, size))
  header <- sprintf("{'descr': '<u4', 'fortran_order': False, 'shape': (%s), }", paste(shape, collapse = ", "))
  writeBin(as.raw(c(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 246, 0)), output)
  writeBin(charToRaw(sprintf("%-245s\n", header)), output)
  writeBin(as.integer(labels), output, size = 4, endian = "little")
  flush(output)
}
close(output)
