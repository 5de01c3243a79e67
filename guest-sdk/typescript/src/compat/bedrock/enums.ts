// The AWS SDK's lists of names.

function names<const T extends readonly string[]>(...values: T): Record<string, T[number]> {
  return Object.fromEntries(values.map((value) => [value.toUpperCase().replace(/[^A-Z0-9]/g, "_"), value]));
}

export const AudioFormat = names(
  "aac", "flac", "m4a", "mka", "mkv", "mp3", "mp4", "mpeg", "mpga", "ogg", "opus", "pcm", "wav", "webm", "x-aac",
);
export const CachePointType = names("default");
export const CacheTTL = { FIVE_MINUTES: "5m", ONE_HOUR: "1h" } as const;
export const ConversationRole = names("assistant", "system", "user");
export const DocumentFormat = names("csv", "doc", "docx", "html", "md", "pdf", "txt", "xls", "xlsx");
export const GuardrailStreamProcessingMode = names("async", "sync");
export const GuardrailTrace = names("disabled", "enabled", "enabled_full");
export const ImageFormat = names("gif", "jpeg", "png", "webp");
export const PerformanceConfigLatency = names("optimized", "standard");
export const StopReason = names(
  "content_filtered",
  "end_turn",
  "guardrail_intervened",
  "malformed_model_output",
  "malformed_tool_use",
  "max_tokens",
  "model_context_window_exceeded",
  "stop_sequence",
  "tool_use",
);
export const ToolResultStatus = names("error", "success");
export const VideoFormat = names("flv", "mkv", "mov", "mp4", "mpeg", "mpg", "three_gp", "webm", "wmv");
