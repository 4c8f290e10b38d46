"""What the recordings tell.

quality     what cannot be used, or not whole, by reason, rhythm and lead
exemplars   a typical and an odd recording of each rhythm on ECG paper
filters     raw against every denoiser: what is left, what is taken, spectra
components  median beats, spectra, standardised measurements; principal components of anything
pca         pictures of these
"""
