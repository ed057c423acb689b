/* A program of Windows that leaves the file hanging_tool.txt in the root of drive C, and never ends. */
#include <windows.h>

int main(void)
{
    CreateFileW(L"C:\\hanging_tool.txt", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    Sleep(INFINITE);
    return 0;
}
