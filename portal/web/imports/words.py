"""Words of the check page's choices."""

from portal.vendors.profiles import DELIMITERS, ENCODINGS
from portal.web.imports.layout import DELIMITER_TITLES, ENCODING_TITLES, MARKS, ROLE_TITLES

CHECK_WORDS = {
    "roles": list(ROLE_TITLES.items()),
    "encodings": [(encoding, ENCODING_TITLES[encoding]) for encoding in ENCODINGS],
    "delimiters": list(DELIMITER_TITLES.items()),
    "delimiter_words": DELIMITERS,
    "marks_titles": [(word, marks[2]) for word, marks in MARKS.items()],
}
