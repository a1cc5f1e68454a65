"""DICOMweb out (PS3.18): search and retrieve the de-identified store, which quarantine is no part of."""
