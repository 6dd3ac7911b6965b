"""The names that C libraries take at global scope, as their headers declare them: what codegen/reserved_names.txt lists.
library_names.py adds those of this machine's libraries to the file; test_names.py checks the file by declared_names()."""
import os
import re
import shutil
import subprocess

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "codegen", "reserved_names.txt")
FREESTANDING = "stdint stddef".split()
# ISO C and POSIX.
HOSTED = """aio arpa/inet assert complex cpio ctype dirent dlfcn errno fcntl fenv float fmtmsg fnmatch ftw glob grp iconv inttypes iso646 langinfo
    libgen limits locale math monetary mqueue ndbm net/if netdb netinet/in netinet/tcp nl_types poll pthread pwd regex sched search semaphore setjmp
    signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings sys/ipc sys/mman sys/msg sys/resource
    sys/select sys/sem sys/shm sys/socket sys/stat sys/statvfs sys/time sys/times sys/types sys/uio sys/un sys/utsname sys/wait syslog tar termios
    tgmath threads time uchar ulimit unistd utime utmpx wchar wctype wordexp""".split()
# What else a C library or compiler installs beside them.
OTHER_HEADERS = """_ansi _syslist aliases alloca ansidecl ar argp argz arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_mve arm_mve_types arm_neon byteswap
    devctl elf endian envlock envz err error execinfo fastmath features float fstab fts gconv getopt gshadow ieeefp ifaddrs lastlog libintl link
    malloc math mcheck memory mntent newlib nss obstack paths picolibc printf proc_service pty re_comp reent regdef regexp resolv riscv_vector
    sgtty shadow stab stdbit stdckdint stdfix stdio_ext syscall sysexits termio thread_db ttyent ucontext unctrl unwind utmp values varargs wait""".split()


def preprocessed(compiler, options, headers):
    """Macros, and the text of the declarations, of those headers that there are."""
    def run(text, *more):
        done = subprocess.run([*compiler, *options, "-E", *more, "-x", "c", "-"], input=text, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None
    text = "".join(f"#include <{h}.h>\n" for h in headers if run(f"#include <{h}.h>\n") is not None)
    return set(re.findall(r"^#define (\w+)", run(text, "-dM"), re.M)), run(text, "-P")


def declared_names(compiler, options=(), headers=HOSTED):
    """Macros, functions, objects, types, tags and enumerators, but for those that begin with an underscore."""
    names, text = preprocessed(compiler, options, headers)
    text = re.sub(r'"(\\.|[^"])*"', "", text)
    parentheses = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
    text = re.sub(rf"__attribute__\s*{parentheses}|__asm(?:__)?\s*{parentheses}|__extension__|__restrict\w*|__inline\w*", "", text)
    word = re.compile(r"[A-Za-z]\w*$")
    braces = nested = 0
    before, tokens = "", re.findall(r"\w+|[{}();=,\[\]*]", text)
    for i, token in enumerate(tokens):
        if before in ("struct", "union", "enum") and word.match(token):
            names.add(token)
        if token in "{}":
            braces += 1 if token == "{" else -1
        elif braces == 0:
            if nested == 0 and token in "(;,=[" and word.match(before):
                names.add(before)
            if token == "(":
                nested += 1
                if nested == 1 and tokens[i + 1] == "*" and word.match(tokens[i + 2]):  # typedef void (*name)(int)
                    names.add(tokens[i + 2])
            elif token == ")":
                nested -= 1
        before = token
    for body in re.findall(r"\benum\b[^{};]*\{([^}]*)\}", text):
        names |= set(re.findall(r"(?:^|,)\s*(\w+)", body))
    return {n for n in names if word.match(n)}


def listed_sections():
    """The words of each section of the file."""
    sections, words = {}, None
    with open(FILE) as f:
        for line in f:
            if head := re.match(r"\[(.*)\]", line):
                words = sections.setdefault(head[1], set())
            elif words is not None:
                words.update(line.split())
    return sections


def update():
    sections = listed_sections()
    for compiler in ("gcc", "arm-none-eabi-gcc"):
        if shutil.which(compiler):
            sections["freestanding"] |= declared_names([compiler], ["-std=gnu17", "-D_GNU_SOURCE"], FREESTANDING)
            sections["library"] |= declared_names([compiler], ["-std=gnu17", "-D_GNU_SOURCE"])
    for words in (sections["keywords"], sections["freestanding"]):
        sections["library"] -= words
    sections["freestanding"] -= sections["keywords"]
    sections["headers"] |= {h for h in HOSTED + OTHER_HEADERS if "/" not in h}
    with open(FILE) as f:
        comment = [line for line in f if line.startswith("#")]
    with open(FILE, "w") as f:
        f.writelines(comment)
        for name, words in sections.items():
            f.write(f"\n[{name}]")
            column = 200
            for w in sorted(words):
                column += len(w) + 1
                if column > 118:
                    column = len(w)
                f.write(("\n" if column == len(w) else " ") + w)
            f.write("\n")


if __name__ == "__main__":
    update()
