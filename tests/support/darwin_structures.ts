/** Structures of macOS, laid out from the declarations in its headers, member by member, as a C compiler does. */

/**
 * `struct kinfo_proc`, sys/sysctl.h. First `struct extern_proc`, sys/proc.h, whose timeval is 8 + 4 bytes and padding;
 * then `struct eproc` with its inner structures. `p_refcnt` is an int, and padding to the end of its structure.
 */
export const KINFO_PROC = membersOf(`
  8 p_starttime.tv_sec; 4 p_starttime.tv_usec; 8 p_vmspace; 8 p_sigacts; 4 p_flag; 1 p_stat; 4 p_pid; 4 p_oppid;
  4 p_dupfd; 8 user_stack; 8 exit_thread; 4 p_debugger; 4 sigwait; 4 p_estcpu; 4 p_cpticks; 4 p_pctcpu; 8 p_wchan;
  8 p_wmesg; 4 p_swtime; 4 p_slptime; 8 p_realtimer[4]; 8 p_rtime[2]; 8 p_uticks; 8 p_sticks; 8 p_iticks;
  4 p_traceflag; 8 p_tracep; 4 p_siglist; 8 p_textvp; 4 p_holdcnt; 4 p_sigmask; 4 p_sigignore; 4 p_sigcatch;
  1 p_priority; 1 p_usrpri; 1 p_nice; 1 p_comm[17]; 8 p_pgrp; 8 p_addr; 2 p_xstat; 2 p_acflag; 8 p_ru;
  8 e_paddr; 8 e_sess; 1 e_pcred.pc_lock[72]; 8 e_pcred.pc_ucred; 4 e_pcred.p_ruid; 4 e_pcred.p_svuid;
  4 e_pcred.p_rgid; 4 e_pcred.p_svgid; 8 e_pcred.p_refcnt; 4 e_ucred.cr_ref; 4 e_ucred.cr_uid; 2 e_ucred.cr_ngroups;
  4 e_ucred.cr_groups[16]; 8 e_vm.dummy; 8 e_vm.dummy2; 4 e_vm.dummy3[5]; 8 e_vm.dummy4[3]; 4 e_ppid; 4 e_pgid;
  2 e_jobc; 4 e_tdev; 4 e_tpgid; 8 e_tsess; 1 e_wmesg[8]; 4 e_xsize; 2 e_xrssize; 2 e_xccount; 2 e_xswrss; 4 e_flag;
  1 e_login[12]; 4 e_spare[4];
`);

/** `struct vnode_info_path`, sys/proc_info.h; `struct proc_vnodepathinfo` has one of the current and one of the root folder. */
export const VNODE_INFO_PATH = membersOf(`
  4 vst_dev; 2 vst_mode; 2 vst_nlink; 8 vst_ino; 4 vst_uid; 4 vst_gid; 8 vst_times[8]; 8 vst_size; 8 vst_blocks;
  4 vst_blksize; 4 vst_flags; 4 vst_gen; 4 vst_rdev; 8 vst_qspare[2]; 4 vi_type; 4 vi_pad; 4 vi_fsid[2];
  1 vip_path[1024];
`);

/** A member of a structure; its size is its alignment too. */
interface Member {
  readonly size: number;
  readonly name: string;
  readonly count: number;
}

/** Reads members, each of which is written as its size and its name, and the count where it is an array. */
function membersOf(text: string): readonly Member[] {
  return Array.from(text.matchAll(/(\d) ([\w.]+)(?:\[(\d+)\])?;/g), ([, size, name, count = "1"]) => {
    return { size: Number(size), name: name!, count: Number(count) };
  });
}

/** The bytes of a structure with these values, 0xee in all other places. */
export function structBytes(
  members: readonly Member[],
  values: Readonly<Record<string, number | string>>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4096).fill(0xee);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { size, name, count } of members) {
    at = Math.ceil(at / size) * size;
    const value = values[name];
    if (typeof value === "string") bytes.set(new TextEncoder().encode(`${value}\0`), at);
    else if (value !== undefined && size === 8) view.setBigInt64(at, BigInt(value), true);
    else if (value !== undefined && size === 4) view.setInt32(at, value, true);
    else if (value !== undefined) view.setUint8(at, value);
    at += size * count;
  }
  return bytes.slice(0, Math.ceil(at / 8) * 8);
}
