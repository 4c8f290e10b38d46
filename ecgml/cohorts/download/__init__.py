"""Download public data sets: resumable, checked, and marked until complete.

download   `download`: one data set into a folder
sources    where the data sets are: addresses, parts, the digests that are known
fetching   one file from an HTTP host: ranges, patience, digest
part       what is there of a file, and of which edition
faults     what can go wrong on the way, in words for a person
parallel       many files at a time
archives   a zip archive -> its files, none outside the folder
checksums  digests of files and lists of them (SHA256SUMS.txt)
receipt    DOWNLOAD.json: what a folder was fetched from, and whether it is all there
"""
