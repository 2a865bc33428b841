"""What a page says where: the text of an element by its id."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class _Reader(HTMLParser):
    """Gathers the text of every element that has an id."""

    def __init__(self):
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {}

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        self.open.append((tag, dict(attrs).get("id") or ""))
        if self.open[-1][1]:
            assert self.open[-1][1] not in self.texts, f"the id {self.open[-1][1]} stands twice"
            self.texts[self.open[-1][1]] = []

    def handle_startendtag(self, tag, attrs):
        """Elements of a drawing hold no text."""

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1][0] not in ("script", "style"):
            for name in {name for _, name in self.open if name}:
                self.texts[name].append(data)


def texts_by_id(html: str) -> dict[str, str]:
    """The text inside of each element that has an id, blanks made single."""
    reader = _Reader()
    reader.feed(html)
    return {name: " ".join(" ".join(parts).split()) for name, parts in reader.texts.items()}
