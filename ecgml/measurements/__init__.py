"""What a waveform alone tells of the heart, measured the same way at training and at serving.

zero_phase, median  SciPy's filter forward and backward and NumPy's median, to the last bit and faster
beats       QRS complexes over all leads at once (`detect_beats`)
beat_stack  every beat's surroundings, cut out and laid over each other
rr          how fast and how irregularly the ventricles beat
p_wave      whether a P wave comes before each beat, how high, and which way
flutter     whether the signal between the beats swings at the rate of atrial flutter
shape       how wide the QRS complex is, and whether all beats look alike: for abstaining, no clinical value
conditioning    independent leads in the band and at the rate at which intervals are measured
representative  the median and the mean of the usual beats
slopes          smoothing, and slopes of lines fitted to a stretch
qrs_edges, p_edges, t_offset    where their QRS complex, P wave and T wave begin and end
fiducials       all of these ends of a beat
p_presence      whether there are P waves to be measured
intervals       PR, QRS, QT, QTc and axes of a recording, or why not (`measure_intervals`)
axes        where QRS complex and T wave point in the frontal plane
measure     all of them for one recording (`measure`)
table       what they are: name, unit, meaning, plausible range
"""
