"""Files -> Record; a format is one module here and one line in `ecgml.records.reading`.

options        what a caller knows beside the file (fs, unit, leads), reconciled with what the file says
loading        bytes from a file, within limits
assembly       channels in mV -> Record: lead order, length, something readable
recording      which of a file's blocks of channels make up the rhythm
missing        the numbers by which files mark a missing sample
print_form     leads that were recorded one after the other
delimited      CSV and its kin, with or without a header row
layout         how a text is laid out: delimiter, which column is what, rows for columns
header_row     what stands above the numbers of a text: names, units, statements
cells          the cells of a line: numbers, missing values, names with a unit
plain_text     encodings, line ends and quotes
number_signs   decimal and thousands separators
time_column    the sampling frequency that a column of times states
number_table   plain tables of numbers in text, compiled
numpy_file     .npy and .npz
gain           digital counts of .npz in units
dicom          DICOM waveforms: groups, leads, the subject
dicom_samples  their samples in mV, and which are missing
aecg           HL7 annotated ECG (aECG)
safe_xml       XML without entities
wfdb           WFDB records: header and signal files
wfdb_header    the text of a .hea file, as strict as it can be and as lenient as real files need
wfdb_samples   the binary formats of WFDB signal files
"""
