"""What may be wrong with an ECG that is sent in: perturbations of known kind and strength, drawn from a seed.

noise      baseline wander, muscle, mains, electrode motion at a signal-to-noise ratio
leads      leads missing, limb electrodes exchanged, chest leads exchanged
recording  gain, sampling frequency, duration
clinical   values missing or wrong
matrix     all of them, by kind and strength

Records go in as they were read, before any preprocessing, so that preprocessing is put to the test, too.
"""
