"""From a record as read to the waveform that a model sees.

settings    what is done, in numbers; its hash names the cache
quality     which leads carry a signal, and why the others do not
electrodes  limb leads that contradict each other, electrodes exchanged
amplitude   whether a record is as large as ECGs are
filters     zero-phase filters and resampling
denoising   the named denoisers (`denoise`)
wavelet     wavelet shrinkage
zheng2020   the denoising of the Chapman-Shaoxing set
loess, nonlocal_means   its two slow steps, made fast
preprocess  Record -> model waveform: the one function that cache and server share
shapes      the beats' shape and usable leads of its windows, cached and served
"""
