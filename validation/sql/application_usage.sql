select has_sequence_privilege({sequence}, 'usage') as may
