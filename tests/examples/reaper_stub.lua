-- Just enough of REAPER to run the script: tracks, items, takes, deferred functions; everything it
-- does not know raises. Usage: lua reaper_stub.lua SCRIPT SCENE, where SCENE is a Lua file that
-- returns {bpm, numerator, denominator, first, last, inputs, tracks, cancel_after}.

local script, scene_path = arg[1], arg[2]
local scene = dofile(scene_path)
local deferred, messages, help, undo = {}, {}, {}, {}
local tracks = {}

local function item(fields)
  return {
    values = { D_POSITION = fields.position or 0, D_LENGTH = fields.length or 0, D_VOL = fields.volume or 1,
               B_MUTE = fields.muted and 1 or 0, B_LOOPSRC = fields.once and 0 or 1 },
    takes = fields.path and { {
      source = { path = fields.path, length = fields.source_length }, midi = fields.midi,
      values = { D_STARTOFFS = fields.offset or 0, D_PLAYRATE = fields.rate or 1, D_VOL = 1 },
    } } or {},
    active = 1,
  }
end

for index, one in ipairs(scene.tracks) do
  tracks[index] = { name = one.name, items = {} }
  for number, fields in ipairs(one.items or {}) do
    tracks[index].items[number] = item(fields)
  end
end

local api = {
  GetSet_LoopTimeRange2 = function() return scene.first, scene.last end,
  TimeMap_GetTimeSigAtTime = function() return scene.numerator, scene.denominator, scene.bpm end,
  TimeMap2_timeToQN = function(_, time) return time * scene.bpm / 60 end,
  CountTracks = function() return #tracks end,
  GetTrack = function(_, index) return tracks[index + 1] end,
  GetTrackName = function(track) return true, track.name end,
  CountTrackMediaItems = function(track) return #track.items end,
  GetTrackMediaItem = function(track, index) return track.items[index + 1] end,
  GetMediaItemInfo_Value = function(one, key) return assert(one.values[key], key) end,
  SetMediaItemInfo_Value = function(one, key, value) assert(one.values[key], key); one.values[key] = value end,
  GetActiveTake = function(one) return one.takes[one.active] end,
  TakeIsMIDI = function(take) return take.midi == true end,
  GetMediaItemTake_Source = function(take) return take.source end,
  GetMediaSourceFileName = function(source) return source.path end,
  GetMediaSourceLength = function(source) return assert(source.length, "of what length?"), false end,
  GetMediaItemTakeInfo_Value = function(take, key) return assert(take.values[key], key) end,
  GetSetProjectInfo = function() return 48000 end,
  InsertTrackAtIndex = function(index) table.insert(tracks, index + 1, { name = "", items = {} }) end,
  GetSetMediaTrackInfo_String = function(track, _, name) track.name = name end,
  AddMediaItemToTrack = function(track) local one = item({}); table.insert(track.items, one); return one end,
  AddTakeToMediaItem = function(one)
    local take = { values = { D_STARTOFFS = 0, D_PLAYRATE = 1, D_VOL = 1 }, owner = one }
    table.insert(one.takes, take)
    return take
  end,
  SetMediaItemTake_Source = function(take, source) take.source = source end,
  PCM_Source_CreateFromFile = function(path) assert(io.open(path)):close(); return { path = path } end,
  GetSetMediaItemTakeInfo_String = function(take, _, name) take.name = name end,
  SetActiveTake = function(take)
    for index, one in ipairs(take.owner.takes) do
      if one == take then take.owner.active = index end
    end
  end,
  Undo_BeginBlock = function() undo[#undo + 1] = "begin" end,
  Undo_EndBlock = function(text) undo[#undo + 1] = text end,
  PreventUIRefresh = function() end,
  UpdateArrange = function() end,
  Help_Set = function(text) help[#help + 1] = text end,
  time_precise = function() return os.time() end,
  ShowMessageBox = function(text) messages[#messages + 1] = text end,
  GetUserInputs = function() return scene.inputs ~= nil, scene.inputs end,
  ExecProcess = function(command, timeout_ms)
    if timeout_ms < 0 then
      os.execute(command .. " &")
      return nil
    end
    return "0\n" .. io.popen(command):read("a")
  end,
  defer = function(work) deferred[#deferred + 1] = work end,
}
reaper = setmetatable({}, { __index = function(_, name) return assert(api[name], "REAPER has no " .. name) end })

dofile(script)
local turns = 0
while #deferred > 0 do
  table.remove(deferred, 1)()
  os.execute("sleep 0.05")
  turns = turns + 1
  assert(turns < 1200, "it never ends")
end

for _, track in ipairs(tracks) do
  for _, one in ipairs(track.items) do
    local take = one.takes[one.active]
    print(table.concat({ "item", track.name, one.values.D_POSITION, one.values.D_LENGTH, #one.takes,
                         take and take.source.path or "", take and take.name or "" }, "\t"))
  end
end
for _, text in ipairs(messages) do print("message\t" .. text:gsub("\n", " ")) end
for _, text in ipairs(help) do print("help\t" .. text) end
for _, text in ipairs(undo) do print("undo\t" .. text) end
