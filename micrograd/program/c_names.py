"""Names in C: those that C has give way, and letters that it lacks are spelled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LETTERS = "ijklpqrstuvw"  # of loops, in the order in which they are taken

# A name that is one of these gets an underscore.
KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if
inline int long register restrict return short signed sizeof static struct switch
typedef union unsigned void volatile while bool true false
alignas alignof and and_eq asm bitand bitor catch char8_t char16_t char32_t class
compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast
explicit export friend mutable namespace new noexcept not not_eq nullptr operator or
or_eq private protected public reinterpret_cast requires static_assert static_cast
template this thread_local throw try typeid typename typeof typeof_unqual using virtual
wchar_t xor xor_eq linux unix i386 near far
NAN INFINITY HUGE_VAL HUGE_VALF HUGE_VALL isnan isinf isfinite isnormal signbit
fpclassify isgreater isgreaterequal isless islessequal islessgreater isunordered
math_errhandling
""".split()
OF_MATH = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2
expm1 fabs fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround
log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow
remainder remquo rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
""".split()
# Other functions that a file's own function cannot be called: C's and those of Unix.
OF_LIBRARY = """
abort abs access alarm atexit atof atoi atol bcmp bcopy brk bsearch bzero calloc chdir
clock close connect creat crypt ctime daemon div drem dup err error exit exp10 fclose
feof ferror fflush ffs fgetc fgets finite fopen fork fprintf fputc fputs fread free
fscanf fseek ftell ftime fwrite gamma getc getchar getenv gets gmtime hash index ioctl
isalnum isalpha iscntrl isdigit isgraph islower isprint ispunct isspace isupper
isxdigit j0 j1 jn kill labs ldiv link listen lldiv llabs localtime longjmp lseek main
malloc mblen memchr memcmp memcpy memmove memset mktime mmap nice open pause perror pipe
poll pow10 printf putc putchar puts qsort raise rand random read realloc reboot recv
remove rename rewind rindex scanf select send setbuf setjmp shutdown signal signgam
significand sincos sleep socket sprintf srand srandom sscanf stat step stime strcat
strchr strcmp strcpy strlen strncpy strstr strtod strtok strtol sync syscall system
tempnam time times tmpfile tolower toupper truncate ungetc unlink va_start vprintf wait
warn write y0 y1 yn advance atan2l
""".split()
LOCAL_NAMES = {*KEYWORDS, *OF_MATH, *(name + "f" for name in OF_MATH)}
GLOBAL_NAMES = {*LOCAL_NAMES, *(name + "l" for name in OF_MATH), *OF_LIBRARY}


def spelled(name: str) -> str:
    """A name in the letters that C has: ASCII, and no underscore before a capital."""
    plain = unicodedata.normalize("NFKD", name)
    kept = [c for c in plain if not unicodedata.combining(c)]
    text = "".join(c if c.isascii() else f"u{ord(c):x}" for c in kept)
    text = re.sub(r"\W", "_", text)
    if not re.match("[A-Za-z]", text):  # C keeps names with a leading underscore
        text = f"x{text}"
    return text


class Names:
    """Names that are told apart.

    Attributes
    ----------
    taken : those that are given, and those that C has
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)

    def new(self, wish: str) -> str:
        """The name that is wished for, or one like it."""
        name = wish = spelled(wish)
        if name in LOCAL_NAMES or re.fullmatch(r"u?int\d+_t|INT\d+_(MIN|MAX|C)", name):
            name = wish = f"{wish}_"
        n = 1
        while name in self.taken:
            n += 1
            name = f"{wish}_{n}"
        self.taken.add(name)
        return name
