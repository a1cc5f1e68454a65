"""The DICOM JSON model as the Native DICOM Model in XML (PS3.19 A.1). No Django."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from pydicom.datadict import keyword_for_tag

_NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
#: Components of a person's name, in the order of PS3.5 6.2.1.
_NAME_PARTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def document(attributes: Mapping[str, Any]) -> bytes:
    """One data set as an XML document."""
    root = Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _fill(root, attributes)
    return bytes(tostring(root, encoding="UTF-8", xml_declaration=True))


def _fill(parent: Element, attributes: Mapping[str, Any]) -> None:
    for tag, attribute in sorted(attributes.items()):
        node = SubElement(parent, "DicomAttribute", {"tag": tag, "vr": attribute["vr"]})
        keyword = keyword_for_tag(int(tag, 16))
        if keyword:
            node.set("keyword", keyword)
        if "BulkDataURI" in attribute:
            SubElement(node, "BulkData", {"uri": attribute["BulkDataURI"]})
        for number, value in enumerate(attribute.get("Value", []), 1):
            _value(node, attribute["vr"], number, value)


def _value(node: Element, vr: str, number: int, value: Any) -> None:
    at = {"number": str(number)}
    if vr == "SQ":
        _fill(SubElement(node, "Item", at), value)
    elif vr == "PN":
        name = SubElement(node, "PersonName", at)
        for group, text in value.items():
            part = SubElement(name, group)
            for component, word in zip(_NAME_PARTS, text.split("^"), strict=False):
                if word:
                    SubElement(part, component).text = word
    elif value is not None:
        SubElement(node, "Value", at).text = str(value)
