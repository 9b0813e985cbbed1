# SPDX-FileCopyrightText: 2026 CodeCommons contributors
#
# SPDX-License-Identifier: Apache-2.0

"""What looks like a secret or like personal data and is none.

Each filter calls one kind of false alarm; rules name the filters that apply to them.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple


class Candidate(NamedTuple):
    """A value in its place: the value, the content, the value's start and end in it, and the match of the rule's pattern."""

    value: bytes
    data: bytes
    start: int
    end: int
    match: re.Match[bytes]

    def group(self, name: str) -> bytes:
        """What a group of the pattern matched; nothing if there is no such group."""
        return self.match.groupdict().get(name) or b""


_PLACEHOLDER = re.compile(
    rb"(?i)example|sample|change[_-]?(?:me|it|this)|placeholder|dummy|xxxx|\*\*\*|\.\.\.|\$\{|\$\(|\$\$|\{\{|\}\}|<%|#\{|^[$%]|^<"
    rb"|>$|^\{.*\}$|^@\w+@$|^%\w+%$|%[sdr(]|%\{|\{\w*\}|^__\w+__$|redacted|replace|insert|foobar|0123456789|1234567|abcdef"
    rb"|your[_-]?|\byour|(.)\1{5}"
)
# Values of tests and manuals; words that describe a secret and are none.
_NO_PASSWORD = re.compile(
    rb"(?i)pass|secret|token|creden|test|demo|fake|hunter2|default|undefined|null|string|optional|required|username|1234|abcd"
    rb"|qwert|todo|lorem|hello|world|foo|^(?:true|false|none|admin|root|user|guest|bar|baz)\d*$|\bkey\b|login|letmein|example"
)
_CODE = re.compile(
    rb"[({]\s*[)}]|::|->|=>|\(\?|\[\^|\\[dwsWDSbrn]|\.\*|^[.~\\]|^/(?!(?=\S{0,16}[A-Z])(?=\S{0,16}\d)(?=\S{0,16}[a-z])[A-Za-z0-9+/]{31,}={0,2}$)|^[a-z][a-z+.-]{1,9}://|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$"
    rb"|^[A-Za-z_]\w*\(|^&[A-Za-z]|\[[\w\"']+\]|^0x|^-{1,2}[a-z]|,|;$|\|\||&&|^[@#]\w+$|&(?:quot|lt|gt|#\d+);"
)
_WORDS = re.compile(rb"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_UUID = re.compile(rb"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What a UUID that opens something is called.
_KEY_NAME = re.compile(
    rb"(?i)(?:api|app|access|account|auth|client|encryption|license|master|private|secret|service|signing|subscription)[_.-]?"
    rb"(?:key|token|secret)|apikey|secret|passw(?:or)?d|pwd$|token$"
)
# Words that sentences have and pass phrases hardly.
_SENTENCE = re.compile(
    rb"(?i)(?:^|[ ,;:(])(?:an?|and|any|are|as|at|be|been|between|by|can|cannot|characters?|contains?|confirm|current|digits?|does"
    rb"|doesn|don|enter|for|from|has|have|if|in|incorrect|invalid|is|it|its|least|length|letters?|long|match|maximum|may|minimum"
    rb"|missing|must|need|new|no|not|number|of|old|on|one|only|or|our|please|same|set|short|should|strong|that|the|this|to|too|type"
    rb"|use|used|was|weak|were|when|which|will|with|without|wrong|you|your)(?=[ ,;:.!?)]|$)"
)
_HASHED = re.compile(rb"(?i)hash|sha-?\d|md5|digest|checksum|integrity|commit|etag|fingerprint|revision|\bcrc")
_ABOUT = re.compile(
    rb"(?i)(?:_?ids?|mask\d*|len|length|hash|hashed|file|filename|path|dir|url|uri|endpoint|field|label|name|hint|policy|min|max"
    rb"|types?|regexp?|pattern|error|err|msg|message|help|text|title|prompt|count|expir\w*|reset|class|format|encoding|size"
    rb"|algorithm|alg|method|mode|prefix|suffix|version|date|time|ttl|timeout|provider|service|strategy|manager|index|column"
    rb"|sep|separator|start|end|position|pos|scopes?|description|selector|input|element|icon|attr|attribute|header|ref)$|tokeni[sz]|\.(?:[chr]|cc|cpp|css|go|html?|java|js|json|md|php|py|rb|rs|rst|ts|txt|ya?ml)$"
)


def placeholder(candidate: Candidate) -> bool:
    """Stands for a value: ``${NAME}``, ``<key>``, ``%s``, ``xxxxx``, ``EXAMPLE``."""
    return _PLACEHOLDER.search(candidate.value) is not None


def no_password(candidate: Candidate) -> bool:
    """A word such as ``secret`` or ``test1234``, as manuals and tests use."""
    return _NO_PASSWORD.search(candidate.value) is not None


def code(candidate: Candidate) -> bool:
    """An expression, a path, an address or a pattern, not a value."""
    return _CODE.search(candidate.value) is not None


def plain(candidate: Candidate) -> bool:
    """No password that anybody was forced to choose: one kind of character only, a word with a number, a number."""
    value = candidate.value
    letters = re.sub(rb"[^A-Za-z]", b"", value)
    digits = sum(48 <= byte <= 57 for byte in value)
    signs = len(value) - len(letters) - digits - value.count(b"_") - value.count(b"-") - value.count(b".")
    if not letters or b" " in value or not (digits or signs):
        return True
    mixed = not letters.islower() and not letters.isupper()
    if signs:
        return not digits and not mixed
    if re.fullmatch(rb"[A-Za-z]+(?:[_.-][A-Za-z]+)*[_.-]?\d{1,4}", value) and not _tossed(letters):
        return True
    return wordy(candidate)


def _tossed(letters: bytes) -> bool:
    """Upper and lower case change inside, as no name's do."""
    return len(re.findall(rb"[a-z][A-Z]|[A-Z][A-Z][a-z]", letters)) >= 3


def wordy(candidate: Candidate) -> bool:
    """Mostly words: an identifier, a file name, a sentence."""
    words = sum(len(word) for word in _WORDS.findall(candidate.value) if len(word) >= 4)
    return words > 0.6 * len(candidate.value)


def short_or_plain(candidate: Candidate) -> bool:
    """Too short for a generated secret, unless characters of all kinds stand in no order."""
    return len(candidate.value) < 16 and plain(candidate)


def no_digit(candidate: Candidate) -> bool:
    """Lacks a digit or a letter, of which every generated secret of some length has some."""
    return re.search(rb"\d", candidate.value) is None or re.search(rb"[A-Za-z]", candidate.value) is None


def uuid(candidate: Candidate) -> bool:
    """An identifier, not a secret, unless it is called a key, a token or a password: services give keys that are UUIDs."""
    return _UUID.fullmatch(candidate.value) is not None and _KEY_NAME.search(candidate.group("name")) is None


def sentence(candidate: Candidate) -> bool:
    """Words of a message or a manual, not a pass phrase; of passwords also fewer words than four."""
    value = candidate.value
    few = candidate.group("four") and value.count(b" ") < 3
    return bool(few) or not value.isascii() or value[-1:] in b".:?!" or _SENTENCE.search(value) is not None


def hashed(candidate: Candidate) -> bool:
    """A checksum, an integrity value or an object's identifier, as what stands before it says."""
    return _HASHED.search(candidate.data, max(0, candidate.start - 48), candidate.end) is not None


def about(candidate: Candidate) -> bool:
    """The name says that the value is something about a secret: its length, its file, its label; or that it is public."""
    before = candidate.data[max(0, candidate.match.start() - 12) : candidate.match.start()]
    return _ABOUT.search(candidate.group("name")) is not None or re.search(rb"(?i)public[_-]?(?:key)?[_-]?\Z", before) is not None


def same_as_name(candidate: Candidate) -> bool:
    """``"token": "token"``."""
    return candidate.value.lower() in candidate.group("name").lower()


def image(candidate: Candidate) -> bool:
    """Inside a ``data:`` address or other long base64: pictures and fonts hold any short token by chance."""
    before = candidate.data[max(0, candidate.start - 64) : candidate.start]
    beside = before[-1:] + candidate.data[candidate.end : candidate.end + 1]
    return b";base64," in before or b"+" in beside or re.search(rb"[A-Za-z0-9+/]{40}\Z", before) is not None


def encrypted(candidate: Candidate) -> bool:
    """A private key that is of no use without its passphrase, or one without a body."""
    head = candidate.value[:200]
    return b"ENCRYPTED" in head or re.search(rb"[A-Za-z0-9+/]{24}", candidate.value[20:]) is None


def no_key(candidate: Candidate) -> bool:
    """Base64 that does not decode to a private key in armour."""
    try:
        body = re.sub(rb"\\[rn]|[^A-Za-z0-9+/_-]", b"", candidate.value).replace(b"-", b"+").replace(b"_", b"/")
        text = base64.b64decode(body[:64])
    except (binascii.Error, ValueError):
        return True
    return re.match(rb"-----BEGIN [A-Z ]*PRIVATE KEY", text) is None


def no_key_type(candidate: Candidate) -> bool:
    """Nothing near it says that this is a key as RFC 7517 has it."""
    around = candidate.data[max(0, candidate.start - 2000) : candidate.end + 2000]
    return re.search(rb"[\"']kty\\*[\"']", around) is None


def no_object(candidate: Candidate) -> bool:
    """The head of a token does not decode to a JSON object."""
    head = candidate.value.split(b".")[0]
    try:
        text = base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4))
    except (binascii.Error, ValueError):
        return True
    return not (text.startswith(b"{") and b'"alg"' in text)


def credentials_of_nobody(candidate: Candidate) -> bool:
    """``http://user:pass@host``, a port, or an address on the machine itself."""
    value = candidate.value
    after = candidate.data[candidate.end : candidate.end + 24]
    return (
        value.isdigit()
        or (value.isalpha() and len(value) < 6)
        or re.match(rb"(?i)@(?:localhost|127\.|host\b|\$|0\.0|example|\[::1)", after) is not None
    )


# Names that RFC 2606 and 6761 set aside, those that manuals use as if they were, and those of protocols' extensions.
_NO_HOST = re.compile(
    rb"(?i)(?:^|\.)(?:example\.\w+|[a-z-]*example\.(?:com|org|net)|(?:your-?|my-?)?(?:domain|company|email|mail|host|site)\.(?:com|org|net|tld)"
    rb"|test\.(?:com|org|net)|foo(?:bar)?\.\w+|bar\.\w+|baz\.\w+|localhost|\w+\.(?:test|example|invalid|local|localhost|localdomain|internal|lan)"
    rb"|openssh\.com|libssh\.org|lysator\.liu\.se|b\.c|b\.com|acme\.(?:com|org)|[a-z]\.[a-z]{2,3})$"
)
_NO_MAILBOX = re.compile(
    rb"(?i)^(?:no-?_?reply|do-?not-?reply|git|svn|hg|root|postmaster|mailer-daemon|username|user|your\.?-?_?(?:name|email)|you|me|foo|bar"
    rb"|name|someone|somebody|nobody|example|test|tests?er|john\.?doe|jane\.?doe|jdoe|joe|email|alice|bob)$"
)
# Country codes, and generic names that people have addresses under. Everything else after a dot is taken for code.
_COUNTRIES = (
    b"ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch "
    b"ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm "
    b"gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la "
    b"lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np "
    b"nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su "
    b"sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERIC = (
    b"com org net edu gov mil int info biz name pro aero coop museum mobi jobs travel tel cat asia dev app tech cloud online "
    b"site xyz email blog software systems solutions company digital agency studio design page works world network "
    b"media academy science center live guru ninja rocks codes sh berlin wien paris nyc london tokyo coffee zone engineering "
    b"consulting"
)
_TOP = frozenset((_COUNTRIES + b" " + _GENERIC).split())
# Country codes that are also endings of source files: an address needs more than one letter before them to be believed.
_CODE_ENDINGS = frozenset(b"py rs pl md sh cc so ps pm in js ml tf la st is am".split())


def no_mailbox(candidate: Candidate) -> bool:
    """An address of nobody: a machine's, a manual's, or no address at all."""
    local, _, host = candidate.value.rpartition(b"@")
    host = host.lower()
    if host == b"users.noreply.github.com" and local.lower() not in (b"noreply", b"username"):
        return False
    top = host.rpartition(b".")[2]
    if top not in _TOP or _NO_HOST.search(host) or _NO_MAILBOX.search(local) or b"noreply" in host:
        return True
    return top in _CODE_ENDINGS and (len(local) < 3 or (host.count(b".") == 1 and len(host) < 6))


_NUMBERED = re.compile(
    rb"(?i)(?:versions?|ver|release|rev|v|sdk|assembly\w*|nuget|build|oid|section|sect?|chapter|rfc|==|>=|<=|~=|~|\^|@|gem|package"
    rb"|install\w*|firmware|table|figure|fig|asn|snmp\w*|mib|chrome|safari|applewebkit|edge|opera|opr|firefox|gecko|since|upgrade\w*"
    rb"|update\w*|bump\w*|-)[\"'\s:=/(,.-]{0,6}$"
)
_HOSTED = re.compile(
    rb"(?i)(?:\bip|ipv4|addr\w*|hosts?(?:name)?|server|ping|ssh|dns|gateway|proxy|listen|bind|://|@|client|peer)\W{0,6}\w{0,12}\W{0,4}$"
)
# Resolvers that everybody may name (The Stack left them, too).
_RESOLVERS = frozenset(
    b"8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 64.6.64.6 64.6.65.6 4.2.2.1 4.2.2.2 "
    b"76.76.19.19 94.140.14.14".split()
)

# Object identifiers (of ISO, ITU, and of certificates) that have four numbers.
_OBJECT = re.compile(rb"1\.[023]\.|2\.(?:5|16|23)\.")


def no_address(candidate: Candidate) -> bool:
    """An IPv4 address of no machine in particular (private, reserved, of documentation, a public resolver), or other numbers."""
    value = candidate.value
    if value in _RESOLVERS or _OBJECT.match(value) or any(len(part) > 1 and part[:1] == b"0" for part in value.split(b".")):
        return True
    try:
        address = ipaddress.IPv4Address(value.decode("ascii"))
    except ValueError:
        return True
    if not address.is_global or address.is_multicast or address.is_reserved:
        return True
    before = candidate.data[max(0, candidate.start - 40) : candidate.start]
    if _HOSTED.search(before):
        return False
    parts = value.split(b".")
    small = sum(len(part) < 3 for part in parts)
    return _NUMBERED.search(before) is not None or (small > 2 and len(parts[0]) < 3) or b".0.0" in value


def no_address_6(candidate: Candidate) -> bool:
    """No IPv6 address, or one of no machine in particular."""
    try:
        address = ipaddress.IPv6Address(candidate.value.decode("ascii"))
    except ValueError:
        return True
    parts = candidate.value.split(b":")
    return not address.is_global or address.is_multicast or max(map(len, parts)) < 3 or candidate.value.endswith(b"::")


def no_phone(candidate: Candidate) -> bool:
    """A number that rings nowhere, or no number of a telephone."""
    return len(re.sub(rb"\D", b"", candidate.value)) < 9 or no_local_phone(candidate)


def no_local_phone(candidate: Candidate) -> bool:
    """The same where something says that it is a number of a telephone: the code of an area may be left out."""
    digits = re.sub(rb"\D", b"", candidate.value)
    return not 7 <= len(digits) <= 15 or _NO_NUMBER.search(digits) is not None


_NO_NUMBER = re.compile(rb"55501\d\d|(\d)\1{5}|[012]345678|1234567|7654321|5551212")
_ORGANISATION = re.compile(
    rb"(?i)\b(?:inc|ltd|llc|llp|gmbh|corp|corporation|co|ag|s\.?a\.?|foundation|projects?|teams?|contributors?|authors?|developers?|maintainers?"
    rb"|university|universit\w+|institut\w*|software|technolog\w+|systems?|labs?|laborator\w+|google|microsoft|facebook|meta|amazon|apple|intel"
    rb"|ibm|oracle|mozilla|regents|group|consortium|company|committee|community|association|society|limited|holdings|research|cent(?:er|re)"
    rb"|open|source|rights?|reserved|copyright|license\w*|licence\w*|public|domain|general|free|notice|members?|department|dept|national"
    rb"|networks?|solutions?|services?|international|python|django|apache|gnu|linux|the|all|this|and|or|others?|college|school|org|see|"
    rb"version|permission|file|bsd|mit|programs?|united|states|new|san|francisco|north|south|america|europe|council|agency|security|media"
    rb"|computing|computer|science|mathematics|engineering|library|studio\w*|games|interactive|digital|data|cloud|partners?|industries"
    rb"|january|february|march|april|may|june|july|august|september|october|november|december|by|for|with|in|of)\b"
)


def organisation(candidate: Candidate) -> bool:
    """The name of an organisation or words of a notice, not of a person."""
    return _ORGANISATION.search(candidate.value) is not None


ALL: dict[str, Callable[[Candidate], bool]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        placeholder, no_password, code, plain, wordy, short_or_plain, no_digit, sentence, uuid, hashed, about, same_as_name,
        image, encrypted, no_key, no_key_type, no_object, credentials_of_nobody, no_mailbox, no_address, no_address_6, no_phone,
        no_local_phone, organisation,
    )
}  # fmt: skip
