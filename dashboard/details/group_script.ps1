# Puts the devices of one remediation ticket into a security group of Entra, so that an update, an app or a policy can
# be assigned to it. It changes nothing on any device. It may be run again: what is in the group already stays.
#
# Needs the module Microsoft.Graph.Authentication (Install-Module Microsoft.Graph.Authentication -Scope CurrentUser)
# and a person who may manage groups; asks for the permissions Group.ReadWrite.All and Device.Read.All.

#Requires -Version 5.1
#Requires -Modules Microsoft.Graph.Authentication
Set-StrictMode -Version Latest
$$ErrorActionPreference = 'Stop'

$$UniqueName = '$unique_name'
$$DisplayName = '$display_name'
$$Graph = '$graph/v1.0'

$$Devices = @(@'
$devices
'@ | ConvertFrom-Csv -Header Id, Name)

Connect-MgGraph -Environment '$environment' -Scopes 'Group.ReadWrite.All', 'Device.Read.All' | Out-Null

# The group: found by its unique name, or made.
$$group = @{
    displayName = $$DisplayName; mailEnabled = $$false; mailNickname = $$UniqueName; securityEnabled = $$true
} | ConvertTo-Json
Invoke-MgGraphRequest -Method PATCH -Uri "$$Graph/groups(uniqueName='$$UniqueName')" -Body $$group `
    -ContentType 'application/json' -Headers @{ Prefer = 'create-if-missing' } | Out-Null
$$groupId = (Invoke-MgGraphRequest -Method GET -Uri "$$Graph/groups(uniqueName='$$UniqueName')?`$$select=id").id

# Who is in it already.
$$present = @{}
$$next = "$$Graph/groups/$$groupId/members?`$$select=id&`$$top=999"
while ($$next) {
    $$page = Invoke-MgGraphRequest -Method GET -Uri $$next
    foreach ($$member in $$page.value) { $$present[$$member.id] = $$true }
    $$next = if ($$page.ContainsKey('@odata.nextLink')) { $$page['@odata.nextLink'] } else { $$null }
}

$$added = 0
$$unknown = @()
for ($$start = 0; $$start -lt $$Devices.Count; $$start += 20) {
    $$some = @($$Devices[$$start..[Math]::Min($$start + 19, $$Devices.Count - 1)])
    # Twenty at a time: the directory's id of each device, then all of them into the group by one request.
    $$fresh = @()
    foreach ($$device in $$some) {
        try {
            $$found = Invoke-MgGraphRequest -Method GET -Uri "$$Graph/devices(deviceId='$$($$device.Id)')?`$$select=id"
            if (-not $$present.ContainsKey($$found.id)) { $$fresh += $$found.id; $$present[$$found.id] = $$true }
        } catch {
            if ("$$($$_.Exception.Message)" -notmatch '404|NotFound') { throw }
            $$unknown += $$device.Name
        }
    }
    if ($$fresh.Count) {
        $$body = @{ 'members@odata.bind' = @($$fresh | ForEach-Object { "$$Graph/directoryObjects/$$_" }) } | ConvertTo-Json
        for ($$try = 1; ; $$try++) {
            try {
                Invoke-MgGraphRequest -Method PATCH -Uri "$$Graph/groups/$$groupId" -Body $$body `
                    -ContentType 'application/json' | Out-Null
                break
            } catch {
                # A new group takes a moment until every replica of the directory knows it.
                if ($$try -ge 5) { throw }
                Start-Sleep -Seconds (5 * $$try)
            }
        }
        $$added += $$fresh.Count
    }
    Write-Progress -Activity $$DisplayName -Status "$$([Math]::Min($$start + 20, $$Devices.Count)) of $$($$Devices.Count)"
}

Write-Output "Group $$UniqueName ($$groupId): $$added devices added, $$($$Devices.Count) wanted."
if ($$unknown.Count) { Write-Warning "Not in Entra: $$($$unknown -join ', ')" }
