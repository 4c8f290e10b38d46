"""`ecgml prepare`, and `ecgml download` before it.

prepare   fill the cache, report what was found
collect   `--collect`: unusable files, copied to where a person can look at them
export    `--export`: denoised recordings in the data set's own layout
download  a public data set, fetched, checked and opened
"""
