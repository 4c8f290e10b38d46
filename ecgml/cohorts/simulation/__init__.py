"""The simulated demo cohort: 12-lead ECGs with physiology, written as a hospital would have them.

demo         `write_demo`: the data set on disk, whole or not at all
roster       which record is what: label, rhythm, date, file name, defect
admission    a row of the roster -> waveform and table row
record       `simulate_record`: one ECG of a rhythm, with what is true of it
hospital     the population: shares, ages, rates, conditions and dates by rhythm
patient      who is recorded: age, sex, rate, intervals, axis, conditions
timeline     when atria and ventricles are activated, and from where
sinus        timelines of sinus rhythms: variability, ectopic beats, blocks, wandering
atrial       timelines of fibrillation, flutter and atrial tachycardia
reentry      timelines of supraventricular tachycardias that turn around in or near the AV node
waves        asymmetric Gaussian waves of the heart's dipole
complexes    the shapes of P, QRS, ST, T and U of a patient
fibrillation fibrillatory and flutter waves
torso        dipole -> electrodes -> twelve leads
noise        what electrodes pick up besides the heart
cardiograph  what the machine prints: the row of Diagnostics
tables       the spreadsheets beside the recordings
quantisation the converter's steps
chapman_files, wfdb_files   the two layouts
"""
