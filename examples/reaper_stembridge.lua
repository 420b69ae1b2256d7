-- StemBridge for REAPER: generates stems for the time selection and inserts them there.
--
-- Start the daemon (`stembridge serve`), load this script (with reaper_items.lua and
-- reaper_bridge.py in the same folder) by Actions > New action > Load ReaScript, select bars, run
-- the action. Tracks whose names say what they are (Drums, Bass, Gtr, Keys …) are listened to;
-- tempo and metre come from the project.
-- A stem lands on a track of its own. Run again for the same bars: the new version becomes a take
-- of the same item; nothing is ever deleted.
--
-- STEMBRIDGE_PYTHON names the Python that stembridge is installed in (default: python3).

local PATIENCE_S = 600
local NAMES_MS = 20000

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local clip_of, decimal = table.unpack(dofile(here .. "reaper_items.lua"))
local python = os.getenv("STEMBRIDGE_PYTHON") or "python3"
local port = os.getenv("STEMBRIDGE_PORT") or "9420"

local SILENT = "StemBridge did not answer. Is " .. python .. " the Python that stembridge is in?"

local function say(text)
  reaper.ShowMessageBox(text, "StemBridge", 0)
end

-- The time selection in musical terms, or nil.
local function selection()
  local first, last = reaper.GetSet_LoopTimeRange2(0, false, false, 0, 0, false)
  if last - first < 0.1 then
    return nil
  end
  local numerator, denominator, bpm = reaper.TimeMap_GetTimeSigAtTime(0, first)
  local start_beats = reaper.TimeMap2_timeToQN(0, first)
  return {
    first = first,
    last = last,
    start_beats = start_beats,
    length_beats = reaper.TimeMap2_timeToQN(0, last) - start_beats,
    bpm = bpm,
    signature = numerator .. "/" .. denominator,
  }
end

local function track_name(track)
  local _, name = reaper.GetTrackName(track)
  return name
end

-- The stem that each track's name speaks of, as stembridge reads names; nil if Python is silent.
local function stems_of_tracks()
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  for index = 0, reaper.CountTracks(0) - 1 do
    file:write((track_name(reaper.GetTrack(0, index)):gsub("%c", " ")), "\n")
  end
  file:close()
  local command = string.format('"%s" "%sreaper_bridge.py" --roles "%s"', python, here, path)
  local answer = reaper.ExecProcess(command, NAMES_MS) or ""
  os.remove(path)
  local stems = {}
  for stem in answer:gmatch("role\t(%S+)") do
    stems[#stems + 1] = stem
  end
  return #stems == reaper.CountTracks(0) and stems or nil
end

-- All context under the selection, and what could not be heard; nil if Python is silent.
local function listen(making, span)
  local clips, unheard = {}, {}
  local stems = stems_of_tracks()
  if not stems then
    return nil
  end
  for index = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, index)
    local name = track_name(track)
    local stem = stems[index + 1]
    if stem ~= "-" and not making[stem] then
      for number = 0, reaper.CountTrackMediaItems(track) - 1 do
        local item = reaper.GetTrackMediaItem(track, number)
        local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
        local ends = position + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
        local muted = reaper.GetMediaItemInfo_Value(item, "B_MUTE") == 1
        if position < span.last and ends > span.first and not muted then
          local clip, reason = clip_of(item, stem, span)
          if clip then
            clips[#clips + 1] = clip
          else
            unheard[#unheard + 1] = name .. " " .. reason
          end
        end
      end
    end
  end
  return clips, unheard
end

local function write_job(path, span, wishes, clips)
  local file = assert(io.open(path, "w"))
  local rate = reaper.GetSetProjectInfo(0, "PROJECT_SRATE", 0, false)
  local lines = {
    port = port,
    generate = wishes.generate,
    bpm = decimal(span.bpm),
    length_beats = decimal(span.length_beats),
    time_signature = span.signature,
    start_beats = decimal(span.start_beats),
    session_rate = string.format("%d", rate > 0 and rate or 44100),
    seed = wishes.ends.seed,
    loop = wishes.ends.loop and "1" or nil,
    loop_context = wishes.ends["repeat"] and "1" or nil,
    midi = os.getenv("STEMBRIDGE_MIDI") and "1" or nil, -- notes on tracks of their own; "only": no sound
    chords = wishes.chords ~= "" and wishes.chords or nil,
  }
  for key, value in pairs(lines) do
    file:write(key, "\t", value, "\n")
  end
  for _, clip in ipairs(clips) do
    file:write("clip")
    for key, value in pairs(clip) do
      file:write("\t", key, "=", value)
    end
    file:write("\n")
  end
  file:close()
end

local function own_track(stem)
  local wanted = stem:sub(1, 1):upper() .. stem:sub(2) .. " (stembridge)"
  for index = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, index)
    if track_name(track) == wanted then
      return track
    end
  end
  local index = reaper.CountTracks(0)
  reaper.InsertTrackAtIndex(index, true)
  local track = reaper.GetTrack(0, index)
  reaper.GetSetMediaTrackInfo_String(track, "P_NAME", wanted, true)
  return track
end

local function item_at(track, position, length)
  for number = 0, reaper.CountTrackMediaItems(track) - 1 do
    local item = reaper.GetTrackMediaItem(track, number)
    local same_start = math.abs(reaper.GetMediaItemInfo_Value(item, "D_POSITION") - position) < 1e-4
    local same_length = math.abs(reaper.GetMediaItemInfo_Value(item, "D_LENGTH") - length) < 1e-3
    if same_start and same_length then
      return item
    end
  end
  local item = reaper.AddMediaItemToTrack(track)
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", position)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  return item
end

local function insert(span, stem, path, frames, rate, seed)
  reaper.Undo_BeginBlock()
  reaper.PreventUIRefresh(1)
  local item = item_at(own_track(stem), span.first, frames / rate)
  local take = reaper.AddTakeToMediaItem(item)
  reaper.SetMediaItemTake_Source(take, reaper.PCM_Source_CreateFromFile(path))
  reaper.GetSetMediaItemTakeInfo_String(take, "P_NAME", stem .. " seed " .. seed .. " (stembridge)", true)
  reaper.SetActiveTake(take)
  reaper.PreventUIRefresh(-1)
  reaper.UpdateArrange()
  reaper.Undo_EndBlock("StemBridge: insert " .. stem, -1)
end

local function fields_of(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("(.-)\t") do
    fields[#fields + 1] = field
  end
  return fields
end

-- Reads what is new in the news file; answers true when the job is over.
local function read_news(job)
  local file = io.open(job.news, "r")
  if not file then
    return false
  end
  file:seek("set", job.read)
  for line in file:lines("L") do
    if line:sub(-1) ~= "\n" then
      break
    end
    job.read = job.read + #line
    local what, a, b, c, d, e, notes, seed = table.unpack(fields_of(line:sub(1, -2)))
    if what == "stem" then
      local has_notes = notes and notes ~= ""
      if not has_notes or os.getenv("STEMBRIDGE_MIDI") ~= "only" then
        insert(job.span, a, c, tonumber(d), tonumber(e), seed)
      end
      if has_notes then
        insert(job.span, a .. " MIDI", notes, tonumber(d), tonumber(e), seed)
      end
    elseif what == "progress" then
      reaper.Help_Set("StemBridge: " .. b .. " " .. math.floor(100 * tonumber(a)) .. " %", true)
    elseif what == "remark" then
      job.remarks = job.remarks .. a .. "\n"
    elseif what == "done" or what == "error" then
      reaper.Help_Set("StemBridge: " .. what, true)
      local words = what == "error" and a or job.remarks
      if words ~= "" then
        say(words)
      end
      file:close()
      return true
    end
  end
  file:close()
  return false
end

local function follow(job)
  if read_news(job) then
    os.remove(job.path)
    os.remove(job.news)
  elseif reaper.time_precise() > job.until_s then
    say(SILENT)
  else
    reaper.defer(function()
      follow(job)
    end)
  end
end

-- What the third field says, by word: a seed, and what is to be done with ends; nil if it cannot be.
local function ends_of(text)
  local told = {}
  for word in text:lower():gmatch("%S+") do
    if word:match("^%d+$") then
      told.seed = word
    elseif word == "loop" or word == "repeat" then
      told[word] = true
    else
      say('"' .. word .. '" is no seed (a whole number; none draws one), nor "loop" (the end flows '
        .. 'into the start), nor "repeat" (items of whole bars go on to the end).')
      return nil
    end
  end
  return told
end

local function ask()
  local ok, text = reaper.GetUserInputs(
    "StemBridge", 3,
    "Make (bass,drums,guitar,piano),Chords (empty: listen),Seed / loop / repeat,extrawidth=120",
    "bass,,"
  )
  if not ok then
    return nil
  end
  -- The last two fields hold no commas; all before them are stems.
  local stems, chords, ends = text:match("^(.*),([^,]*),([^,]*)$")
  local told = ends_of(ends)
  if not told then
    return nil
  end
  local names, making = {}, {}
  for stem in stems:lower():gmatch("[%w_-]+") do
    names[#names + 1], making[stem] = stem, true
  end
  return { making = making, generate = table.concat(names, ","), chords = chords, ends = told }
end

local function main()
  local span = selection()
  if not span then
    say("Select the bars to fill first (time selection).")
    return
  end
  local wishes = ask()
  if not wishes or wishes.generate == "" then
    return
  end
  local clips, unheard = listen(wishes.making, span)
  if not clips then
    say(SILENT)
    return
  end
  if #unheard > 0 then
    say("Not listened to:\n" .. table.concat(unheard, "\n"))
  end
  local base = os.tmpname()
  os.remove(base)
  local job = { path = base .. ".job", news = base .. ".news", read = 0, span = span, remarks = "" }
  job.until_s = reaper.time_precise() + PATIENCE_S
  write_job(job.path, span, wishes, clips)
  local command = string.format('"%s" "%sreaper_bridge.py" "%s"', python, here, job.path)
  reaper.ExecProcess(command, -1)
  follow(job)
end

main()
