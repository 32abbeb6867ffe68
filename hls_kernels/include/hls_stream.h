// SPDX-License-Identifier: BSD-2-Clause
// hls::stream for C simulation with a plain compiler. HLS tools bring their own.
#ifndef GATEWRIGHT_HLS_STREAM_H
#define GATEWRIGHT_HLS_STREAM_H

#include <cstdio>
#include <cstdlib>
#include <deque>

namespace hls {

template <typename T, int depth = 0> class stream {
  public:
    stream() {}
    explicit stream(const char *) {}
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;

    bool empty() const { return beats_.empty(); }
    bool full() const { return false; }
    size_t size() const { return beats_.size(); }

    void write(const T &beat) { beats_.push_back(beat); }
    void read(T &beat) { beat = read(); }
    T read() {
        if (beats_.empty()) {  // hardware would wait for ever
            std::fprintf(stderr, "hls::stream: read from an empty stream\n");
            std::abort();
        }
        T beat = beats_.front();
        beats_.pop_front();
        return beat;
    }
    bool read_nb(T &beat) {
        if (beats_.empty()) return false;
        beat = read();
        return true;
    }
    bool write_nb(const T &beat) {
        write(beat);
        return true;
    }
    stream &operator>>(T &beat) {
        read(beat);
        return *this;
    }
    stream &operator<<(const T &beat) {
        write(beat);
        return *this;
    }

  private:
    std::deque<T> beats_;
};

}  // namespace hls

#endif
