/*
 * Stands in for a compiled portd.exe under Wine: a program of its own that runs portd's sources with deno.exe. A compiled
 * one needs Deno's runtime for Windows, which no package registry has. Wine's Service Control Manager lets a child report
 * as the service. COMMAND is the command line in front of our own arguments; VERSION makes the bytes of each one other;
 * with FAILS it ends at once with exit code 3. With the argument "hold" it only runs until it is ended. What the sources
 * print goes to C:\portd-output.log.
 */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

const char version[] = VERSION;

#ifdef FAILS
int wmain(void) { return 3; }
#else
/* Our own arguments: what follows the program, which is in quotes where its path has a blank. */
static const wchar_t *arguments(void) {
    const wchar_t *line = GetCommandLineW();
    if (*line == L'"') return wcschr(line + 1, L'"') + 1;
    while (*line && *line != L' ') line++;
    return line;
}

int wmain(void) {
    static wchar_t line[32768];
    if (wcscmp(arguments(), L" hold") == 0) Sleep(INFINITE);
    if (swprintf(line, 32768, L"%ls%ls", COMMAND, arguments()) < 0) return 4;
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE output = CreateFileW(L"C:\\portd-output.log", FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                &inherited, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    start.hStdOutput = start.hStdError = output;
    PROCESS_INFORMATION child;
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) return 5;
    WaitForSingleObject(child.hProcess, INFINITE);
    DWORD code = 6;
    GetExitCodeProcess(child.hProcess, &code);
    return (int)(version[0] ? code : 7);
}
#endif
