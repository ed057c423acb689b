"""Starts systemd as the first process of a machine in namespaces: systemd_boot.py CGROUP ROOT SCRATCH

CGROUP is the folder of a control group, ROOT that of a Debian, in which nothing is written, SCRATCH an empty folder.
Parts of the kernel that namespaces do not separate can only be read.
"""

import os
import subprocess
import sys

NAMESPACES = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"]
CAPABILITIES = "-sys_module,-sys_rawio,-sys_time,-syslog"
DEVICES = ["full", "null", "random", "tty", "urandom", "zero"]
ENVIRONMENT = {"container": "portd", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def enter(cgroup, *rest):
    """Our control group becomes the root of those that the namespace sees."""
    with open(f"{cgroup}/cgroup.procs", "w") as file:
        file.write("0")
    words = ["unshare", *NAMESPACES, "--fork", "--kill-child", "setpriv", f"--bounding-set={CAPABILITIES}"]
    os.execvp(words[0], [*words, sys.executable, __file__, "boot", *rest])


def boot(lower, scratch):
    root = f"{scratch}/root"
    make_root(lower, scratch, root)
    mount_kernel(root)
    make_devices(f"{root}/dev")
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "mnt"], check=True)
    os.chdir("/")
    subprocess.run(["umount", "--lazy", "/mnt"], check=True, env=ENVIRONMENT)
    os.execve("/usr/lib/systemd/systemd", ["systemd"], ENVIRONMENT)


def make_root(lower, scratch, root):
    """All that is written goes to a file system in memory."""
    mount("-t", "tmpfs", "tmpfs", scratch)
    for name in ["root", "upper", "work"]:
        os.mkdir(f"{scratch}/{name}")
    layers = f"lowerdir={lower},upperdir={scratch}/upper,workdir={scratch}/work"
    mount("-t", "overlay", "-o", layers, "overlay", root)


def mount_kernel(root):
    mount("-t", "proc", "proc", f"{root}/proc")
    for path in ["sys", "sys/net"]:
        mount("--bind", f"{root}/proc/{path}", f"{root}/proc/{path}")
    mount("-o", "remount,bind,ro", f"{root}/proc/sys")
    mount("-t", "sysfs", "-o", "ro", "sysfs", f"{root}/sys")
    mount("-t", "cgroup2", "cgroup2", f"{root}/sys/fs/cgroup")


def make_devices(folder):
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    os.mkdir(f"{folder}/pts")
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=666", "devpts", f"{folder}/pts")
    os.symlink("pts/ptmx", f"{folder}/ptmx")
    mask = os.umask(0)
    for name in DEVICES:
        info = os.stat(f"/dev/{name}")
        os.mknod(f"{folder}/{name}", info.st_mode, info.st_rdev)
    os.umask(mask)


if sys.argv[1] == "boot":
    boot(*sys.argv[2:])
else:
    enter(*sys.argv[1:])
