<#
.SYNOPSIS
Installs, upgrades or removes portd on Windows 10 and later, with Windows PowerShell 5.1 or PowerShell 7.

.DESCRIPTION
Takes portd-windows-x64.exe or portd-windows-arm64.exe from -Source, checks its SHA-256, and puts it on the PATH as
portd.exe: for the current user into %LOCALAPPDATA%\Programs\portd, with -AllUsers (as an administrator) into
%ProgramFiles%\portd. No downloaded program runs before its hash was checked. Called again it upgrades; a portd.exe that
runs is renamed, as Windows does not let it be overwritten. Leases and settings stay, also with -Uninstall.

.PARAMETER Source
A folder, or an address that begins with https://, with the program and SHA256SUMS, as compile.sh makes them. By default
the folder of this script.

.PARAMETER Sha256
The SHA-256 that the program must have. By default the one of SHA256SUMS in -Source: that shows that the download is whole,
and a hash from elsewhere also shows that it is the program that you want.

.PARAMETER AllUsers
For every user of the machine. Takes an administrator's rights.

.PARAMETER Service
Installs and starts the service too. Means -AllUsers. Where the service is installed already, it is upgraded without this.

.PARAMETER Uninstall
Removes the program, its place on the PATH and, with -AllUsers, the service.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -Source https://example.org/portd/0.1.0
#>
[CmdletBinding()]
param(
    [string] $Source = $PSScriptRoot,
    [ValidatePattern('^[0-9A-Fa-f]{64}$')] [string] $Sha256,
    [switch] $AllUsers,
    [switch] $Service,
    [switch] $Uninstall
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # in 5.1 the progress bar makes a download ten times slower

$forAll = $AllUsers -or $Service
$folder = if ($forAll) { Join-Path $env:ProgramFiles 'portd' } else { Join-Path $env:LOCALAPPDATA 'Programs\portd' }
$program = Join-Path $folder 'portd.exe'
$staged = Join-Path $folder 'portd.staged.exe'

function Assert-Rights {
    if (-not $forAll) { return }
    $user = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if ($user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { return }
    throw 'Cannot install portd for every user: that takes an administrator''s rights; open PowerShell with Run as administrator'
}

# The name of the program in -Source for the processor of this machine, also when this PowerShell is emulated.
function Get-SourceName {
    $processor = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
    switch ($processor) {
        'AMD64' { return 'portd-windows-x64.exe' }
        'ARM64' { return 'portd-windows-arm64.exe' }
        default { throw "Cannot install portd: there is no program for the processor $processor" }
    }
}

# Copies or downloads a file of -Source.
function Copy-FromSource([string] $name, [string] $to) {
    if ($Source -match '^https://') {
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
        Invoke-WebRequest -UseBasicParsing -Uri "$($Source.TrimEnd('/'))/$name" -OutFile $to
    } elseif ($Source -match '^[A-Za-z]{2,}:') {
        throw "Cannot use -Source ${Source}: must be a folder, or an address that begins with https://"
    } else {
        Copy-Item -LiteralPath (Join-Path $Source $name) -Destination $to -Force
    }
}

# The hash that the program must have.
function Get-ExpectedHash([string] $name) {
    if ($Sha256) { return $Sha256 }
    $sums = Join-Path $folder 'SHA256SUMS'
    try {
        Copy-FromSource 'SHA256SUMS' $sums
        foreach ($line in [IO.File]::ReadAllLines($sums)) {
            if ($line -match '^([0-9A-Fa-f]{64}) [ *](.+)$' -and $Matches[2] -eq $name) { return $Matches[1] }
        }
    } finally {
        Remove-Item -LiteralPath $sums -Force -ErrorAction SilentlyContinue
    }
    throw "Cannot install portd: SHA256SUMS in $Source does not name $name; pass its hash with -Sha256"
}

# Puts the program into the folder under another name, and checks it. The folder is not open to other users, so that
# nobody can replace the file between the check and its use.
function Save-CheckedProgram {
    $name = Get-SourceName
    New-Item -ItemType Directory -Path $folder -Force | Out-Null
    try {
        $expected = Get-ExpectedHash $name
        Copy-FromSource $name $staged
        $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $staged).Hash
        if ($found -ne $expected) {
            throw "Cannot install portd: the SHA-256 of $name is $found, and must be $expected"
        }
    } catch {
        Remove-Item -LiteralPath $staged -Force -ErrorAction SilentlyContinue
        throw
    }
}

function Invoke-Portd([string] $path, [string[]] $words) {
    & $path @words
    if ($LASTEXITCODE -ne 0) { throw "portd $($words -join ' ') ended with exit code $LASTEXITCODE" }
}

# Programs that were replaced and still ran then.
function Remove-Replaced {
    Get-ChildItem -Path (Join-Path $folder 'portd.old-*.exe') -ErrorAction SilentlyContinue |
        Remove-Item -Force -ErrorAction SilentlyContinue
}

# Gives the program a name under which it is in nobody's way. One that runs can be renamed, and not removed.
function Move-Aside {
    $number = 1
    while (Test-Path -LiteralPath (Join-Path $folder "portd.old-$number.exe")) { $number++ }
    $aside = Join-Path $folder "portd.old-$number.exe"
    Move-Item -LiteralPath $program -Destination $aside
    return $aside
}

function Switch-Program {
    $aside = if (Test-Path -LiteralPath $program) { Move-Aside } else { $null }
    try {
        Move-Item -LiteralPath $staged -Destination $program
    } catch {
        if ($aside) { Move-Item -LiteralPath $aside -Destination $program }
        throw
    }
    Remove-Replaced
}

# Writes the PATH with the folder in it, or without. Variables in it, such as %SystemRoot%, stay as they are.
function Set-OnPath([bool] $wanted) {
    $key = if ($forAll) { 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment' } else { 'HKCU:\Environment' }
    $path = (Get-Item -LiteralPath $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
    $others = @($path -split ';' | Where-Object { $_ -ne '' -and $_.TrimEnd('\') -ne $folder })
    $folders = if ($wanted) { $others + $folder } else { $others }
    $text = $folders -join ';'
    if ($text -eq $path) { return }
    Set-ItemProperty -LiteralPath $key -Name 'Path' -Value $text -Type ExpandString
    # A change of any variable by this call makes Windows announce it to the programs that run.
    $scope = if ($forAll) { 'Machine' } else { 'User' }
    [Environment]::SetEnvironmentVariable('PORTD_INSTALLING', $null, $scope)
}

function Test-Service { return [bool] (Get-Service -Name 'portd' -ErrorAction SilentlyContinue) }

function Install-Portd {
    Save-CheckedProgram
    try {
        Invoke-Portd $staged @('version')
        if ($forAll -and (Test-Service)) {
            # Copies itself, restarts the service, and puts the old program back where the new one does not start.
            Invoke-Portd $staged @('service', 'install')
        } else {
            Switch-Program
        }
    } finally {
        Remove-Item -LiteralPath $staged -Force -ErrorAction SilentlyContinue
    }
    Set-OnPath $true
    if ($Service -and -not (Test-Service)) {
        Invoke-Portd $program @('service', 'install')
        Invoke-Portd $program @('service', 'start')
    }
    Write-Output $program
    Write-Host 'Open a new terminal to call it as portd. A daemon that runs keeps its version until: portd stop'
}

function Uninstall-Portd {
    if (-not (Test-Path -LiteralPath $program)) { throw "Cannot remove portd: there is no $program" }
    if ($forAll -and (Test-Service)) { Invoke-Portd $program @('service', 'uninstall') }
    Set-OnPath $false
    if (Test-Path -LiteralPath $program) { Move-Aside | Out-Null }
    Remove-Replaced
    if (@(Get-ChildItem -LiteralPath $folder).Count -eq 0) { Remove-Item -LiteralPath $folder }
    else { Write-Host "Kept in ${folder}: a portd that still runs; remove the folder when it has ended (portd stop)" }
    Write-Host 'Leases and settings are kept.'
}

Assert-Rights
if ($Uninstall) { Uninstall-Portd } else { Install-Portd }
