"""`ecgml prepare`, and `ecgml download` before it.

prepare   fill the cache and report on the files
collect   `--collect`: copy unusable files for inspection
export    `--export`: denoised recordings in the data set's own layout
download  fetch, check and open a public data set
"""
