"""From our document to the other formats of W3C PROV, on demand; `prov` is imported only here."""
