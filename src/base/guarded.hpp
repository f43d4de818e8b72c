// Data that can be reached only while its mutex is held.
#pragma once

#include <mutex>
#include <utility>

namespace shoal {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  class Locked {
   public:
    T* operator->() { return value_; }
    T& operator*() { return *value_; }
    /// For std::condition_variable::wait.
    std::unique_lock<std::mutex>& lock() { return lock_; }

   private:
    friend class Guarded;
    Locked(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  Locked lock() { return Locked(mutex_, value_); }

  /// Runs `work` with the value while the lock is held, and returns what it returns.
  template <class Work>
  auto with(Work&& work) {
    std::lock_guard lock(mutex_);
    return std::forward<Work>(work)(value_);
  }
  template <class Work>
  auto with(Work&& work) const {
    std::lock_guard lock(mutex_);
    return std::forward<Work>(work)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace shoal
