"""An XML-to-JSON bridge: XML in, the same document as JSON out.

Attributes become `@name`, text beside them `#text`, repeated elements a list; an element with text
only becomes that text. A document type or an entity is refused: nothing is fetched or expanded.
"""

from xml.parsers import expat

from zato.common.exception import BadRequest
from zato.server.service import Service

DEPTH_MAX = 64
ELEMENTS_MAX = 100_000


class Refused(Exception):
    """The document is not one that the bridge takes."""


class Reader:
    """Builds dicts while expat reads."""

    def __init__(self):
        self.stack = [{}]
        self.texts = [[]]
        self.elements = 0
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = lambda text: self.texts[-1].append(text)
        parser.StartDoctypeDeclHandler = self.refuse_doctype
        parser.EntityDeclHandler = self.refuse_doctype

    def refuse_doctype(self, *_):
        raise Refused("A document type is not allowed")

    def start(self, tag, attributes):
        self.elements += 1
        if len(self.stack) > DEPTH_MAX:
            raise Refused(f"Elements are nested deeper than {DEPTH_MAX}")
        if self.elements > ELEMENTS_MAX:
            raise Refused(f"There are more than {ELEMENTS_MAX} elements")
        self.stack.append({"@" + name: value for name, value in attributes.items()})
        self.texts.append([])

    def end(self, tag):
        node, text = self.stack.pop(), "".join(self.texts.pop()).strip()
        if text and node:
            node["#text"] = text
        value = node or text or None
        parent = self.stack[-1]
        if tag not in parent:
            parent[tag] = value
        elif isinstance(parent[tag], list):
            parent[tag].append(value)
        else:
            parent[tag] = [parent[tag], value]

    def read(self, document):
        self.parser.Parse(document, True)
        return self.stack[0]


class Convert(Service):
    """XML to JSON."""

    def handle_POST(self):
        if not self.request.raw.strip():
            raise BadRequest(self.cid, "There is no XML in the request")
        try:
            self.response.payload = Reader().read(self.request.raw)
        except Refused as error:
            raise BadRequest(self.cid, str(error)) from None
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            where = f"line {error.lineno} column {error.offset + 1}"
            raise BadRequest(self.cid, f"Invalid XML: {reason} at {where}") from None
