-- REAPER's media items as stembridge's context; `reaper_stembridge.lua` loads it.

-- Numbers as plain decimal text, whatever the locale.
local function decimal(value)
  return (string.format("%.9f", value):gsub(",", "."):gsub("0+$", ""):gsub("%.$", ""))
end

-- One media item as a piece of context; nil and a reason if it cannot be read from its file.
local function clip_of(item, stem, span)
  local take = reaper.GetActiveTake(item)
  if not take or reaper.TakeIsMIDI(take) then
    return nil, "is MIDI: render it first"
  end
  local source = reaper.GetMediaItemTake_Source(take)
  local path = reaper.GetMediaSourceFileName(source, "")
  if path == "" then
    return nil, "has no file of its own: glue it first"
  end
  local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  local length = reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
  local rate = reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
  local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
  local looped = reaper.GetMediaItemInfo_Value(item, "B_LOOPSRC") == 1
  if offset < 0 and looped then -- it begins inside an earlier turn of the file
    offset = offset % math.max(reaper.GetMediaSourceLength(source), 1e-3)
  elseif offset < 0 then -- its left edge was dragged out: silence until the file begins
    position, length, offset = position - offset / rate, length + offset / rate, 0
    if length <= 0 then
      return nil, "is silent here: its file begins behind the item's end"
    end
  end
  local start_beats = reaper.TimeMap2_timeToQN(0, position)
  local clip = {
    stem = stem,
    path = path,
    timeline_start_beats = decimal(start_beats - span.start_beats),
    length_beats = decimal(reaper.TimeMap2_timeToQN(0, position + length) - start_beats),
    file_start_s = decimal(offset),
    gain = decimal(
      reaper.GetMediaItemInfo_Value(item, "D_VOL")
        * math.abs(reaper.GetMediaItemTakeInfo_Value(take, "D_VOL"))
    ),
  }
  if looped then
    clip.loop = "1"
  end
  if math.abs(rate - 1) > 1e-6 then
    clip.source_bpm = decimal(span.bpm / rate)
  end
  return clip
end

return { clip_of, decimal }
