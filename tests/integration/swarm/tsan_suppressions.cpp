// What ThreadSanitizer cannot know: Debian's libtorrent is not built with it, so that it misses atomic operations within.
// Has no effect in other builds.

extern "C" const char* __tsan_default_suppressions();  // NOLINT: the name is ThreadSanitizer's
extern "C" const char* __tsan_default_suppressions() {
  // A thread of ours gives up its reference to a torrent; libtorrent drops the last one elsewhere and frees the counter. The atomic
  // count orders the two, but libtorrent's half of it is not seen.
  return "race:libtorrent::torrent_handle::~torrent_handle\n";
}
