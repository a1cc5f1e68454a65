"""The words that kept DICOM text may consist of. Every other word is dropped: it may be a name. No Django.

PS3.15 calls this the Clean Descriptors Option: manufacturer, model, series and protocol names are kept
only as far as they are made of known terms, so that a name typed into any of them cannot pass.
"""

from __future__ import annotations

import re


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MANUFACTURERS = {
    "SIEMENS": "SIEMENS",
    "GE MEDICAL": "GE MEDICAL SYSTEMS",
    "GE HEALTHCARE": "GE HEALTHCARE",
    "PHILIPS": "Philips",
    "TOSHIBA": "TOSHIBA",
    "CANON": "CANON",
    "HITACHI": "Hitachi",
    "FUJIFILM": "FUJIFILM",
    "HYPERFINE": "Hyperfine",
    "UIH": "UIH",
    "UNITED IMAGING": "UIH",
    "ESAOTE": "Esaote",
    "BRUKER": "Bruker",
    "FONAR": "FONAR",
    "PICKER": "Picker",
    "MARCONI": "Marconi",
    "NEUSOFT": "Neusoft",
    "PARAMED": "Paramed",
    "ODONTOID PHANTOM": "Odontoid phantom",
}

_TERMS = words(
    # product names of MR scanners
    "AERA ACHIEVA ALLEGRA ALTEA AMIRA ARCHITECT ARTIST AVANTO BIOGRAPH BRIVO CIMA CONCERTO DISCOVERY "
    "DREAM DSTREAM ECHELON ELITION ELAN ESPREE ESSENZA EXCELART EXCITE EXPLORER EXPRESS FIT FIT3T "
    "FREE.MAX GALAN GENESIS HARMONY HDE HDX HDXT HERO IMPACT INGENIA INTERA LUMINA MAGNETOM MAGNUS "
    "MR450 MR450W MR750 MR750W MMR OASIS OPART OPEN OPTIMA ORIAN PANORAMA PIONEER PREMIER PRISMA "
    "PRISMA_FIT PROFILE SEMPRA SIGNA SIMPLY SKYRA SOLA SONATA SPECTRA SYMPHONY SYMPHONYTIM SYNTHETIC "
    "SYNGO TERRA TIM TITAN TRIO TRIOTIM TRILLIUM UMR VANTAGE VERIO VIDA VISION VOYAGER MRT50H1 MRT200 "
    "GYROSCAN SWOOP AIRIS APERTO VIRGO S-SCAN G-SCAN AMBITION "
    # sequences, weighting, orientation, region, contrast of MR series and protocols
    "T1 T1W T1WI T2 T2W T2WI T2* T2STAR PD PDW PROTON DENSITY STIR TIRM TIR FLAIR DWI DTI ADC "
    "DIFFUSION DIFF SWI MEDIC MERGE SE TSE FSE FRFSE FRFSE-XL GRE GR FFE TFE FLASH MPRAGE SPGR BRAVO "
    "VIBE SPACE CUBE VISTA ISOTROPIC ISO CISS FIESTA TRUFI HASTE BLADE PROPELLER DIXON IDEAL FS "
    "FATSAT FAT SAT SPAIR SPIR WATER DARK FLUID DF IR 2D 3D SAG SAGITTAL SAGITAL TRA TRANS TRANSVERSE "
    "AX AXIAL AXL COR CORONAL OBL OBLIQUE LOC LOCALIZER LOCALISER SCOUT SURVEY CERVICAL CERV CSPINE "
    "C-SPINE C SP SPINE CS HWS NECK CRANIOCERVICAL CRANIO-CERVICAL CCJ JUNCTION CTSPINE HEAD BRAIN "
    "SKULL THORACIC TSPINE T-SPINE LUMBAR LSPINE L-SPINE SACRUM CHEST ABDOMEN PELVIS WHOLE UPPER "
    "LOWER MR MRI W WO W/O WITH WITHOUT CONTRAST PRE POST GD GAD PRE/POST NATIVE FOV TE TR HR ND NORM "
    "DIS2D DIS3D RPT REPEAT FLEX FLEXION EXT EXTENSION NEUTRAL THIN FAST LONG "
)

#: Values of the DICOM code strings that are kept, by keyword (PS3.3; ImageType also as vendors use it).
CODES: dict[str, frozenset[str]] = {
    "ImageType": words(
        "ORIGINAL DERIVED PRIMARY SECONDARY M M_SE M_FFE M_IR M_PCA SE FFE IR PCA ND NORM NONE OTHER "
        "MPR DIS2D DIS3D FM FIL MOSAIC VFRAME SPROG FILTERED T1 T2 T2_STAR PROTON_DENSITY DIFFUSION "
        "PERFUSION VOLUME RESAMPLED MAGNITUDE P PHASE R REAL I IMAGINARY ADC FA TRACEW REFORMATTED "
        "PROJECTION IMAGE SUB MIN MAX MEAN W F WATER FAT IN_PHASE OUT_PHASE DIXON MFSPLIT COMPOSED "
        "COMP_SP STDDEV LOCALIZER "
    ),
    "ScanningSequence": words("SE IR GR EP RM"),
    "SequenceVariant": words("SK MTC SS TRSS SP MP OSP NONE"),
    "ScanOptions": words("PER RG CG PPG FC PFF PFP SP FS IR SAT1 SAT2 SFS WE CT SAT_GEMS FAST_GEMS"),
    "MRAcquisitionType": words("1D 2D 3D"),
    "InPlanePhaseEncodingDirection": words("ROW COL"),
    "PatientPosition": words("HFS HFP HFDL HFDR FFS FFP FFDL FFDR"),
    "BodyPartExamined": words(
        "CSPINE CTSPINE TSPINE TLSPINE LSPINE LSSPINE SPINE SSPINE NECK HEAD HEADNECK BRAIN SKULL "
        "CHEST ABDOMEN PELVIS HIP KNEE SHOULDER WRIST HAND ANKLE FOOT ELBOW HEART BREAST WHOLEBODY "
        "C-SPINE CERVICAL "
    )
    | {"CERVICAL SPINE", "C SPINE"},
    "Modality": words("MR OT SC"),
    "ConversionType": words("DV DI DF WSD SD SI DRW SYN"),
    "PhotometricInterpretation": words("MONOCHROME1 MONOCHROME2"),
    "LossyImageCompression": words("00 01"),
    "LossyImageCompressionMethod": words("ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_13818_2"),
    "BurnedInAnnotation": words("YES NO"),
    "SyntheticData": words("YES NO"),
    "ImagedNucleus": words("1H"),
}

# Field strengths, thicknesses, times. A bare number may be part of a date or a record number.
_QUANTITY = re.compile(r"\d{1,3}(\.\d{1,2})?(T|MM|CM|MS)")


def known_manufacturer(text: str) -> str:
    """The vendor's name in one spelling, or an empty string."""
    upper = " ".join(text.upper().replace("_", " ").split())
    return next((name for part, name in MANUFACTURERS.items() if part in upper), "")


def known_words(text: str) -> str:
    """The known terms and quantities of ``text`` in their order; the rest is dropped."""
    parts = re.split(r"[\s_,;:()\[\]/]+", text)
    return " ".join(word for word in parts if word.upper() in _TERMS or _QUANTITY.fullmatch(word.upper()))
