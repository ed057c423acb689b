/*
 * The classes HNetCfg.FwPolicy2 and HNetCfg.FwRule of netfw.h for Wine, whose own do nothing. Adding a rule writes the
 * line that Windows' firewall service would write, where it would write it; removing one deletes it. What a real Windows
 * does otherwise can be set at HKLM\Software\portd-tests\firewall, numbers all:
 *
 *   Result       the HRESULT with which Add and Remove answer, when not 0
 *   FailPorts    the local port whose rule put_LocalPorts refuses with E_INVALIDARG
 *   Held         Add waits while this is not 0, for a minute at most
 *   HoldMs       how long Add waits
 *   ModifyState  what get_LocalPolicyModifyState answers
 *
 * Two calls at once, and a call from a thread that may not call COM, are answered with E_UNEXPECTED.
 */
#define COBJMACROS
#define CONST_VTABLE
#define INITGUID
#include <windows.h>
#include <netfw.h>

#define RULES L"SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
#define SETTINGS L"Software\\portd-tests\\firewall"
#define NAME_SIZE 16384
#define LINE_SIZE 32768
#define ANY_PROTOCOL 256 /* NET_FW_IP_PROTOCOL_ANY, which mingw's icftypes.h lacks */
#define HELD_POLL_MS 5
#define HELD_LIMIT_MS 60000

/* ---- what all objects have ---- */

static volatile LONG calls_under_way;

/* Begins a call that must be alone. */
static HRESULT enter(void)
{
    APTTYPE type;
    APTTYPEQUALIFIER qualifier;
    if (FAILED(CoGetApartmentType(&type, &qualifier)) || type != APTTYPE_MTA) return E_UNEXPECTED;
    if (InterlockedIncrement(&calls_under_way) == 1) return S_OK;
    InterlockedDecrement(&calls_under_way);
    return E_UNEXPECTED;
}

static HRESULT leave(HRESULT result)
{
    InterlockedDecrement(&calls_under_way);
    return result;
}

static DWORD setting(const WCHAR *name)
{
    DWORD value = 0, size = sizeof value;
    RegGetValueW(HKEY_LOCAL_MACHINE, SETTINGS, name, RRF_RT_REG_DWORD, NULL, &value, &size);
    return value;
}

#define NO_DISPATCH(T) \
    static HRESULT WINAPI T##_GetTypeInfoCount_(T *self, UINT *count) { return E_NOTIMPL; } \
    static HRESULT WINAPI T##_GetTypeInfo_(T *self, UINT n, LCID lcid, ITypeInfo **info) { return E_NOTIMPL; } \
    static HRESULT WINAPI T##_GetIDsOfNames_(T *self, REFIID iid, LPOLESTR *names, UINT n, LCID lcid, DISPID *ids) \
    { return E_NOTIMPL; } \
    static HRESULT WINAPI T##_Invoke_(T *self, DISPID id, REFIID iid, LCID lcid, WORD flags, DISPPARAMS *parameters, \
        VARIANT *result, EXCEPINFO *exception, UINT *argument) { return E_NOTIMPL; }

/* ---- INetFwRule ---- */

typedef struct
{
    INetFwRule INetFwRule_iface;
    LONG references;
    WCHAR id[40];
    BSTR name, description, application, service, local_ports, remote_ports, local_addresses, remote_addresses, icmp,
        interface_types, grouping;
    LONG protocol, profiles;
    NET_FW_RULE_DIRECTION direction;
    NET_FW_ACTION action;
    VARIANT_BOOL enabled, edge;
} Rule;

static Rule *rule_of(INetFwRule *self)
{
    return CONTAINING_RECORD(self, Rule, INetFwRule_iface);
}

static HRESULT WINAPI INetFwRule_QueryInterface_(INetFwRule *self, REFIID iid, void **object)
{
    *object = NULL;
    if (!IsEqualGUID(iid, &IID_IUnknown) && !IsEqualGUID(iid, &IID_IDispatch) && !IsEqualGUID(iid, &IID_INetFwRule))
        return E_NOINTERFACE;
    *object = self;
    INetFwRule_AddRef(self);
    return S_OK;
}

static ULONG WINAPI INetFwRule_AddRef_(INetFwRule *self)
{
    return InterlockedIncrement(&rule_of(self)->references);
}

static ULONG WINAPI INetFwRule_Release_(INetFwRule *self)
{
    Rule *rule = rule_of(self);
    LONG references = InterlockedDecrement(&rule->references);
    if (references > 0) return references;
    SysFreeString(rule->name);
    SysFreeString(rule->description);
    SysFreeString(rule->application);
    SysFreeString(rule->service);
    SysFreeString(rule->local_ports);
    SysFreeString(rule->remote_ports);
    SysFreeString(rule->local_addresses);
    SysFreeString(rule->remote_addresses);
    SysFreeString(rule->icmp);
    SysFreeString(rule->interface_types);
    SysFreeString(rule->grouping);
    HeapFree(GetProcessHeap(), 0, rule);
    return 0;
}

NO_DISPATCH(INetFwRule)

/* The bar parts the fields of the line that is kept: no text may hold one. */
static HRESULT set_text(BSTR *field, BSTR value)
{
    BSTR copy;
    for (UINT i = 0; i < SysStringLen(value); i++)
        if (value[i] == '|' || value[i] < ' ') return E_INVALIDARG;
    copy = SysAllocStringLen(value, SysStringLen(value));
    if (!copy) return E_OUTOFMEMORY;
    SysFreeString(*field);
    *field = copy;
    return S_OK;
}

static HRESULT get_text(BSTR field, BSTR *value)
{
    *value = SysAllocStringLen(field, SysStringLen(field));
    return *value ? S_OK : E_OUTOFMEMORY;
}

#define TEXT_PROPERTY(Name, field) \
    static HRESULT WINAPI INetFwRule_get_##Name##_(INetFwRule *self, BSTR *value) \
    { return get_text(rule_of(self)->field, value); } \
    static HRESULT WINAPI INetFwRule_put_##Name##_(INetFwRule *self, BSTR value) \
    { return set_text(&rule_of(self)->field, value); }

#define NUMBER_PROPERTY(Name, type, field, valid) \
    static HRESULT WINAPI INetFwRule_get_##Name##_(INetFwRule *self, type *value) \
    { *value = rule_of(self)->field; return S_OK; } \
    static HRESULT WINAPI INetFwRule_put_##Name##_(INetFwRule *self, type value) \
    { if (!(valid)) return E_INVALIDARG; rule_of(self)->field = value; return S_OK; }

TEXT_PROPERTY(Name, name)
TEXT_PROPERTY(Description, description)
TEXT_PROPERTY(ApplicationName, application)
TEXT_PROPERTY(ServiceName, service)
TEXT_PROPERTY(RemotePorts, remote_ports)
TEXT_PROPERTY(LocalAddresses, local_addresses)
TEXT_PROPERTY(RemoteAddresses, remote_addresses)
TEXT_PROPERTY(IcmpTypesAndCodes, icmp)
TEXT_PROPERTY(InterfaceTypes, interface_types)
TEXT_PROPERTY(Grouping, grouping)
NUMBER_PROPERTY(Protocol, LONG, protocol, value >= 0 && value <= 256)
NUMBER_PROPERTY(Direction, NET_FW_RULE_DIRECTION, direction, value == NET_FW_RULE_DIR_IN || value == NET_FW_RULE_DIR_OUT)
NUMBER_PROPERTY(Enabled, VARIANT_BOOL, enabled, TRUE)
NUMBER_PROPERTY(Profiles, LONG, profiles, value == NET_FW_PROFILE2_ALL || (value > 0 && value < 8))
NUMBER_PROPERTY(EdgeTraversal, VARIANT_BOOL, edge, TRUE)
NUMBER_PROPERTY(Action, NET_FW_ACTION, action, value == NET_FW_ACTION_BLOCK || value == NET_FW_ACTION_ALLOW)

static HRESULT WINAPI INetFwRule_get_LocalPorts_(INetFwRule *self, BSTR *value)
{
    return get_text(rule_of(self)->local_ports, value);
}

/* Only TCP and UDP have ports, so the protocol must have been set. */
static HRESULT WINAPI INetFwRule_put_LocalPorts_(INetFwRule *self, BSTR value)
{
    Rule *rule = rule_of(self);
    WCHAR refused[16];
    if (rule->protocol != 6 && rule->protocol != 17) return E_INVALIDARG;
    wsprintfW(refused, L"%u", setting(L"FailPorts"));
    if (!lstrcmpW(refused, value)) return E_INVALIDARG;
    return set_text(&rule->local_ports, value);
}

static HRESULT WINAPI INetFwRule_get_Interfaces_(INetFwRule *self, VARIANT *value) { return E_NOTIMPL; }
static HRESULT WINAPI INetFwRule_put_Interfaces_(INetFwRule *self, VARIANT value) { return E_NOTIMPL; }

#define ACCESSORS(Name) INetFwRule_get_##Name##_, INetFwRule_put_##Name##_

static const INetFwRuleVtbl rule_table = {
    INetFwRule_QueryInterface_,
    INetFwRule_AddRef_,
    INetFwRule_Release_,
    INetFwRule_GetTypeInfoCount_,
    INetFwRule_GetTypeInfo_,
    INetFwRule_GetIDsOfNames_,
    INetFwRule_Invoke_,
    ACCESSORS(Name),
    ACCESSORS(Description),
    ACCESSORS(ApplicationName),
    ACCESSORS(ServiceName),
    ACCESSORS(Protocol),
    ACCESSORS(LocalPorts),
    ACCESSORS(RemotePorts),
    ACCESSORS(LocalAddresses),
    ACCESSORS(RemoteAddresses),
    ACCESSORS(IcmpTypesAndCodes),
    ACCESSORS(Direction),
    ACCESSORS(Interfaces),
    ACCESSORS(InterfaceTypes),
    ACCESSORS(Enabled),
    ACCESSORS(Grouping),
    ACCESSORS(Profiles),
    ACCESSORS(EdgeTraversal),
    ACCESSORS(Action),
};

static HRESULT make_rule(INetFwRule **object)
{
    Rule *rule = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *rule);
    GUID id;
    if (!rule) return E_OUTOFMEMORY;
    rule->INetFwRule_iface.lpVtbl = &rule_table;
    rule->references = 1;
    rule->protocol = ANY_PROTOCOL;
    rule->profiles = NET_FW_PROFILE2_ALL;
    rule->direction = NET_FW_RULE_DIR_IN;
    rule->action = NET_FW_ACTION_ALLOW;
    CoCreateGuid(&id);
    StringFromGUID2(&id, rule->id, ARRAYSIZE(rule->id));
    *object = &rule->INetFwRule_iface;
    return S_OK;
}

/* ---- the line of a rule, [MS-GPFAS] 2.2.2.19 ---- */

typedef struct
{
    WCHAR text[LINE_SIZE];
    int length;
    BOOL full;
} Line;

static void append(Line *line, const WCHAR *text, int length)
{
    if (line->length + length >= LINE_SIZE) line->full = TRUE;
    for (int i = 0; i < length && !line->full; i++) line->text[line->length++] = text[i];
    line->text[line->length] = 0;
}

static void append_field(Line *line, const WCHAR *key, const WCHAR *value, int length)
{
    append(line, key, lstrlenW(key));
    append(line, L"=", 1);
    append(line, value, length);
    append(line, L"|", 1);
}

static void append_text(Line *line, const WCHAR *key, BSTR value)
{
    if (SysStringLen(value)) append_field(line, key, value, SysStringLen(value));
}

typedef HRESULT (*Item)(Line *line, const WCHAR *side, const WCHAR *item);

/* Hands over each part of a list with commas between. */
static HRESULT each(Line *line, const WCHAR *side, BSTR list, Item item)
{
    WCHAR part[256];
    UINT length = SysStringLen(list), start = 0;
    if (!length || !lstrcmpW(list, L"*")) return S_OK;
    for (UINT i = 0; i <= length; i++)
    {
        HRESULT result;
        if (i < length && list[i] != ',') continue;
        if (i == start || i - start >= ARRAYSIZE(part)) return E_INVALIDARG;
        lstrcpynW(part, list + start, i - start + 1);
        result = item(line, side, part);
        if (FAILED(result)) return result;
        start = i + 1;
    }
    return S_OK;
}

static BOOL parse_number(const WCHAR **at, DWORD most, DWORD *number)
{
    const WCHAR *start = *at;
    for (*number = 0; **at >= '0' && **at <= '9' && *number <= most; (*at)++) *number = 10 * *number + (**at - '0');
    return *at > start && *number <= most;
}

static HRESULT append_ports(Line *line, const WCHAR *side, const WCHAR *item)
{
    const WCHAR *at = item;
    WCHAR key[16];
    DWORD first, last;
    if (!parse_number(&at, 65535, &first)) return E_INVALIDARG;
    wsprintfW(key, L"%sPort", side);
    if (*at == '-')
    {
        at++;
        if (!parse_number(&at, 65535, &last) || last < first) return E_INVALIDARG;
        lstrcatW(key, L"2_10");
    }
    if (*at) return E_INVALIDARG;
    append_field(line, key, item, lstrlenW(item));
    return S_OK;
}

static BOOL parse_ipv4(const WCHAR **at)
{
    DWORD byte;
    for (int i = 0; i < 4; i++)
    {
        if (i && *(*at)++ != '.') return FALSE;
        if (!parse_number(at, 255, &byte)) return FALSE;
    }
    return TRUE;
}

/* IPv4 networks are kept with a mask, and those of one address without. */
static HRESULT append_ipv4(Line *line, const WCHAR *key, const WCHAR *item)
{
    const WCHAR *at = item;
    WCHAR value[64];
    DWORD bits, mask;
    if (!parse_ipv4(&at)) return E_INVALIDARG;
    lstrcpynW(value, item, at - item + 1);
    if (*at == '-')
    {
        at++;
        if (!parse_ipv4(&at) || *at) return E_INVALIDARG;
        lstrcpynW(value, item, ARRAYSIZE(value));
    }
    else if (*at == '/')
    {
        at++;
        if (!parse_number(&at, 32, &bits) || *at) return E_INVALIDARG;
        mask = bits ? 0xffffffffu << (32 - bits) : 0;
        if (bits < 32)
            wsprintfW(value + lstrlenW(value), L"/%u.%u.%u.%u", mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255);
    }
    else if (*at) return E_INVALIDARG;
    append_field(line, key, value, lstrlenW(value));
    return S_OK;
}

static HRESULT append_ipv6(Line *line, const WCHAR *key, const WCHAR *item)
{
    WCHAR value[256];
    int length = lstrlenW(item);
    for (const WCHAR *at = item; *at; at++)
        if (!wcschr(L"0123456789abcdefABCDEF:./-", *at)) return E_INVALIDARG;
    lstrcpynW(value, item, ARRAYSIZE(value));
    if (length > 4 && !lstrcmpW(value + length - 4, L"/128")) value[length - 4] = 0;
    append_field(line, key, value, lstrlenW(value));
    return S_OK;
}

static HRESULT append_address(Line *line, const WCHAR *side, const WCHAR *item)
{
    static const WCHAR *const keywords[] = {L"LocalSubnet", L"DNS", L"DHCP", L"WINS", L"DefaultGateway"};
    WCHAR key4[8], key6[8];
    wsprintfW(key4, L"%sA4", side);
    wsprintfW(key6, L"%sA6", side);
    for (UINT i = 0; i < ARRAYSIZE(keywords); i++)
    {
        if (lstrcmpiW(item, keywords[i])) continue;
        append_field(line, key4, keywords[i], lstrlenW(keywords[i]));
        append_field(line, key6, keywords[i], lstrlenW(keywords[i]));
        return S_OK;
    }
    return wcschr(item, ':') ? append_ipv6(line, key6, item) : append_ipv4(line, key4, item);
}

static HRESULT write_line(const Rule *rule, Line *line)
{
    static const struct { LONG bit; const WCHAR *name; } profiles[] = {
        {NET_FW_PROFILE2_DOMAIN, L"Domain"}, {NET_FW_PROFILE2_PRIVATE, L"Private"}, {NET_FW_PROFILE2_PUBLIC, L"Public"}};
    WCHAR number[16];
    HRESULT result;
    if (!SysStringLen(rule->name)) return E_INVALIDARG;
    append(line, L"v2.33|", 6);
    append(line, rule->action == NET_FW_ACTION_ALLOW ? L"Action=Allow|" : L"Action=Block|", 13);
    if (rule->enabled) append_field(line, L"Active", L"TRUE", 4);
    else append_field(line, L"Active", L"FALSE", 5);
    if (rule->direction == NET_FW_RULE_DIR_IN) append_field(line, L"Dir", L"In", 2);
    else append_field(line, L"Dir", L"Out", 3);
    wsprintfW(number, L"%d", rule->protocol);
    if (rule->protocol != ANY_PROTOCOL) append_field(line, L"Protocol", number, lstrlenW(number));
    for (UINT i = 0; i < ARRAYSIZE(profiles) && rule->profiles != NET_FW_PROFILE2_ALL; i++)
        if (rule->profiles & profiles[i].bit) append_field(line, L"Profile", profiles[i].name, lstrlenW(profiles[i].name));
    if (FAILED(result = each(line, L"L", rule->local_ports, append_ports))) return result;
    if (FAILED(result = each(line, L"R", rule->remote_ports, append_ports))) return result;
    if (FAILED(result = each(line, L"L", rule->local_addresses, append_address))) return result;
    if (FAILED(result = each(line, L"R", rule->remote_addresses, append_address))) return result;
    append_text(line, L"App", rule->application);
    append_text(line, L"Svc", rule->service);
    append_text(line, L"Name", rule->name);
    append_text(line, L"Desc", rule->description);
    append_text(line, L"EmbedCtxt", rule->grouping);
    if (rule->edge) append_field(line, L"Edge", L"TRUE", 4);
    return line->full ? E_INVALIDARG : S_OK;
}

/* ---- INetFwRules: one object without state ---- */

static HRESULT WINAPI INetFwRules_QueryInterface_(INetFwRules *self, REFIID iid, void **object)
{
    *object = NULL;
    if (!IsEqualGUID(iid, &IID_IUnknown) && !IsEqualGUID(iid, &IID_IDispatch) && !IsEqualGUID(iid, &IID_INetFwRules))
        return E_NOINTERFACE;
    *object = self;
    return S_OK;
}

static ULONG WINAPI INetFwRules_AddRef_(INetFwRules *self) { return 2; }
static ULONG WINAPI INetFwRules_Release_(INetFwRules *self) { return 1; }

NO_DISPATCH(INetFwRules)

static HRESULT WINAPI INetFwRules_get_Count_(INetFwRules *self, LONG *count)
{
    DWORD values = 0;
    HKEY key;
    LSTATUS status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, RULES, 0, KEY_QUERY_VALUE, &key);
    if (status) return HRESULT_FROM_WIN32(status);
    RegQueryInfoKeyW(key, NULL, NULL, NULL, NULL, NULL, NULL, &values, NULL, NULL, NULL, NULL);
    RegCloseKey(key);
    *count = values;
    return S_OK;
}

static void wait_as_set(void)
{
    DWORD hold = setting(L"HoldMs");
    if (hold) Sleep(hold);
    for (DWORD waited = 0; setting(L"Held") && waited < HELD_LIMIT_MS; waited += HELD_POLL_MS) Sleep(HELD_POLL_MS);
}

static HRESULT add_rule(const Rule *rule)
{
    Line *line;
    HRESULT result = (HRESULT)setting(L"Result");
    LSTATUS status;
    if (result) return result;
    wait_as_set();
    line = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *line);
    if (!line) return E_OUTOFMEMORY;
    result = write_line(rule, line);
    if (SUCCEEDED(result))
    {
        DWORD size = (line->length + 1) * sizeof(WCHAR);
        status = RegSetKeyValueW(HKEY_LOCAL_MACHINE, RULES, rule->id, REG_SZ, line->text, size);
        if (status) result = HRESULT_FROM_WIN32(status);
    }
    HeapFree(GetProcessHeap(), 0, line);
    return result;
}

static HRESULT WINAPI INetFwRules_Add_(INetFwRules *self, INetFwRule *object)
{
    HRESULT result = enter();
    return FAILED(result) ? result : leave(add_rule(rule_of(object)));
}

/* Whether the line of a rule names it so; without heed of case, as the more dangerous. */
static BOOL bears_name(const WCHAR *line, BSTR name)
{
    const WCHAR *start = wcsstr(line, L"|Name="), *end;
    if (!start) return FALSE;
    start += 6;
    end = wcschr(start, '|');
    if (!end) end = start + lstrlenW(start);
    return CompareStringOrdinal(start, end - start, name, SysStringLen(name), TRUE) == CSTR_EQUAL;
}

/* Deletes every rule of a name. */
static HRESULT remove_rules(BSTR name)
{
    static WCHAR id[NAME_SIZE], line[LINE_SIZE]; /* calls are alone */
    DWORD index = 0, id_length, size, type, removed = 0;
    HRESULT result = (HRESULT)setting(L"Result");
    HKEY key;
    LSTATUS status;
    if (result) return result;
    status = RegOpenKeyExW(HKEY_LOCAL_MACHINE, RULES, 0, KEY_QUERY_VALUE | KEY_SET_VALUE, &key);
    if (status) return HRESULT_FROM_WIN32(status);
    for (;;)
    {
        id_length = NAME_SIZE;
        size = sizeof line - sizeof(WCHAR);
        status = RegEnumValueW(key, index, id, &id_length, NULL, &type, (BYTE *)line, &size);
        if (status) break;
        line[size / sizeof(WCHAR)] = 0;
        if (type != REG_SZ || !bears_name(line, name)) index++;
        else if ((status = RegDeleteValueW(key, id))) break;
        else removed++;
    }
    RegCloseKey(key);
    if (status != ERROR_NO_MORE_ITEMS) return HRESULT_FROM_WIN32(status);
    return removed ? S_OK : HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND);
}

static HRESULT WINAPI INetFwRules_Remove_(INetFwRules *self, BSTR name)
{
    HRESULT result = enter();
    return FAILED(result) ? result : leave(remove_rules(name));
}

static HRESULT WINAPI INetFwRules_Item_(INetFwRules *self, BSTR name, INetFwRule **rule) { return E_NOTIMPL; }
static HRESULT WINAPI INetFwRules_get__NewEnum_(INetFwRules *self, IUnknown **enumerator) { return E_NOTIMPL; }

static const INetFwRulesVtbl rules_table = {
    INetFwRules_QueryInterface_,
    INetFwRules_AddRef_,
    INetFwRules_Release_,
    INetFwRules_GetTypeInfoCount_,
    INetFwRules_GetTypeInfo_,
    INetFwRules_GetIDsOfNames_,
    INetFwRules_Invoke_,
    INetFwRules_get_Count_,
    INetFwRules_Add_,
    INetFwRules_Remove_,
    INetFwRules_Item_,
    INetFwRules_get__NewEnum_,
};
static INetFwRules rules = {&rules_table};

/* ---- INetFwPolicy2: one object without state ---- */

static HRESULT WINAPI INetFwPolicy2_QueryInterface_(INetFwPolicy2 *self, REFIID iid, void **object)
{
    *object = NULL;
    if (!IsEqualGUID(iid, &IID_IUnknown) && !IsEqualGUID(iid, &IID_IDispatch) && !IsEqualGUID(iid, &IID_INetFwPolicy2))
        return E_NOINTERFACE;
    *object = self;
    return S_OK;
}

static ULONG WINAPI INetFwPolicy2_AddRef_(INetFwPolicy2 *self) { return 2; }
static ULONG WINAPI INetFwPolicy2_Release_(INetFwPolicy2 *self) { return 1; }

NO_DISPATCH(INetFwPolicy2)

static HRESULT WINAPI INetFwPolicy2_get_CurrentProfileTypes_(INetFwPolicy2 *self, LONG *types)
{
    *types = NET_FW_PROFILE2_PRIVATE;
    return S_OK;
}

static HRESULT WINAPI INetFwPolicy2_get_Rules_(INetFwPolicy2 *self, INetFwRules **object)
{
    *object = &rules;
    return S_OK;
}

static HRESULT WINAPI INetFwPolicy2_get_LocalPolicyModifyState_(INetFwPolicy2 *self, NET_FW_MODIFY_STATE *state)
{
    *state = setting(L"ModifyState");
    return S_OK;
}

/* Just what portd calls: anything else would be a call of address 0. */
static const INetFwPolicy2Vtbl policy_table = {
    .QueryInterface = INetFwPolicy2_QueryInterface_,
    .AddRef = INetFwPolicy2_AddRef_,
    .Release = INetFwPolicy2_Release_,
    .GetTypeInfoCount = INetFwPolicy2_GetTypeInfoCount_,
    .GetTypeInfo = INetFwPolicy2_GetTypeInfo_,
    .GetIDsOfNames = INetFwPolicy2_GetIDsOfNames_,
    .Invoke = INetFwPolicy2_Invoke_,
    .get_CurrentProfileTypes = INetFwPolicy2_get_CurrentProfileTypes_,
    .get_Rules = INetFwPolicy2_get_Rules_,
    .get_LocalPolicyModifyState = INetFwPolicy2_get_LocalPolicyModifyState_,
};
static INetFwPolicy2 policy = {&policy_table};

/* ---- the factories of both classes ---- */

typedef struct
{
    IClassFactory IClassFactory_iface;
    BOOL makes_rules;
} Factory;

static HRESULT WINAPI Factory_QueryInterface(IClassFactory *self, REFIID iid, void **object)
{
    *object = NULL;
    if (!IsEqualGUID(iid, &IID_IUnknown) && !IsEqualGUID(iid, &IID_IClassFactory)) return E_NOINTERFACE;
    *object = self;
    return S_OK;
}

static ULONG WINAPI Factory_AddRef(IClassFactory *self) { return 2; }
static ULONG WINAPI Factory_Release(IClassFactory *self) { return 1; }
static HRESULT WINAPI Factory_LockServer(IClassFactory *self, BOOL lock) { return S_OK; }

static HRESULT WINAPI Factory_CreateInstance(IClassFactory *self, IUnknown *outer, REFIID iid, void **object)
{
    INetFwRule *rule;
    HRESULT result;
    *object = NULL;
    if (outer) return CLASS_E_NOAGGREGATION;
    if (!CONTAINING_RECORD(self, Factory, IClassFactory_iface)->makes_rules)
        return INetFwPolicy2_QueryInterface(&policy, iid, object);
    if (FAILED(result = make_rule(&rule))) return result;
    result = INetFwRule_QueryInterface(rule, iid, object);
    INetFwRule_Release(rule);
    return result;
}

static const IClassFactoryVtbl factory_table = {
    Factory_QueryInterface, Factory_AddRef, Factory_Release, Factory_CreateInstance, Factory_LockServer};
static Factory policies = {{&factory_table}, FALSE};
static Factory new_rules = {{&factory_table}, TRUE};

HRESULT WINAPI DllGetClassObject(REFCLSID clsid, REFIID iid, void **object)
{
    if (IsEqualGUID(clsid, &CLSID_NetFwPolicy2)) return Factory_QueryInterface(&policies.IClassFactory_iface, iid, object);
    if (IsEqualGUID(clsid, &CLSID_NetFwRule)) return Factory_QueryInterface(&new_rules.IClassFactory_iface, iid, object);
    *object = NULL;
    return CLASS_E_CLASSNOTAVAILABLE;
}

HRESULT WINAPI DllCanUnloadNow(void)
{
    return S_FALSE;
}
