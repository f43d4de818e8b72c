#include "node/model_library.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "node/admission.hpp"
#include "node/puller.hpp"

namespace shoal::node {

namespace {

/// Fetches that the gateway began and that have not ended.
constexpr std::size_t most_arrivals = 16;
constexpr std::size_t most_names = 256;

/// All bytes are there.
class ShelvedBody final : public http::BodySource {
 public:
  ShelvedBody(UniqueFd file, gateway::Span bytes) : file_(std::move(file)), bytes_(bytes) {}
  ByteCount size() const override { return bytes_.length; }
  Result<Stretch> at(ByteCount position) override { return Stretch{file_.get(), bytes_.first + position, bytes_.length - position}; }
  void on_news(std::function<void()>) override {}

 private:
  const UniqueFd file_;
  const gateway::Span bytes_;
};

gateway::Refusal refusal_of(const Error& error) {
  const bool refused = error.code == ErrorCode::verification;
  return {refused ? gateway::Refusal::Kind::forbidden : gateway::Refusal::Kind::failed, error.message};
}

}  // namespace

ModelLibrary::ModelLibrary(member::MemberSession& session, const Shelf& shelf, const Clock& clock, Means means)
    : shelf_(shelf), means_(std::move(means)), names_(session, shelf, clock, means_.is_followed, stop_.get_token()) {}

ModelLibrary::~ModelLibrary() { stop_.request_stop(); }

gateway::Answer<gateway::SharedRelease> ModelLibrary::find(const ModelName& model, const std::string& revision) {
  auto found = names_.find(model, revision);
  if (!found) return found.refusal;
  const Status admitted = admit_formats(found->release(), means_.allow_code_formats);
  if (!admitted.ok()) return gateway::Refusal{gateway::Refusal::Kind::forbidden, admitted.error().message};
  auto asked = asked_.lock();
  if (asked->size() >= most_names) asked->clear();
  asked->insert_or_assign(found->release().id(), *found);
  return gateway::SharedRelease(found->wanted, &found->wanted->release);
}

gateway::Answer<std::shared_ptr<http::BodySource>> ModelLibrary::open(const gateway::SharedRelease& release, std::size_t file,
                                                                      const gateway::Span& bytes) {
  if (shelf_.holds(release->id())) return open_shelved(*release, file, bytes);
  auto arrival = arrival_of(release);
  if (!arrival) return arrival.refusal;
  return (*arrival)->body(static_cast<std::uint32_t>(file), bytes);
}

ModelLibrary::Opened ModelLibrary::open_shelved(const manifest::VerifiedRelease& release, std::size_t file,
                                                const gateway::Span& bytes) const {
  const auto& entry = release->files[file];
  const fs::path path = shelf_.release(release.id()) / entry.path;
  auto opened = open_file(path, O_RDONLY);
  if (!opened.ok()) return refusal_of(opened.error());
  struct stat info {};
  if (::fstat(opened->get(), &info) != 0 || static_cast<ByteCount>(info.st_size) != entry.size)
    return gateway::Refusal{gateway::Refusal::Kind::failed,
                            path.string() + " has another size than the release says: run 'shoal verify --repair'"};
  return std::shared_ptr<http::BodySource>(std::make_shared<ShelvedBody>(std::move(*opened), bytes));
}

/// Requests for a release at the same time share one fetch.
gateway::Answer<std::shared_ptr<Arrival>> ModelLibrary::arrival_of(const gateway::SharedRelease& release) {
  auto arrivals = arrivals_.lock();
  std::erase_if(*arrivals, [&](const auto& each) { return each.second->ended(); });
  if (const auto found = arrivals->find(release->id()); found != arrivals->end()) return found->second;
  const Status admitted = check_not_refused(shelf_, release->id(), means_.allow_code_formats);
  if (!admitted.ok()) return gateway::Refusal{gateway::Refusal::Kind::forbidden, admitted.error().message};
  if (arrivals->size() >= most_arrivals)
    return gateway::Refusal{gateway::Refusal::Kind::unreachable,
                            "the gateway fetches " + std::to_string(most_arrivals) + " releases already: try again later"};
  auto arrival = std::make_shared<Arrival>(release, shelf_, means_for(release));
  arrivals->emplace(release->id(), arrival);
  arrival->begin();
  return arrival;
}

NamedRelease ModelLibrary::named(const gateway::SharedRelease& release) const {
  return asked_.with([&](const auto& asked) {
    const auto found = asked.find(release->id());
    if (found != asked.end()) return found->second;
    const Reference version{(*release)->model, (*release)->version, {}};
    return NamedRelease{version, std::make_shared<Wanted>(Wanted{*release, "", std::nullopt})};
  });
}

Arrival::Means ModelLibrary::means_for(const gateway::SharedRelease& release) const {
  Arrival::Means means;
  means.fetch = [this, named = named(release)](const std::stop_token& stop) { return means_.fetch(named.reference, *named.wanted, stop); };
  means.pieces = [this, content = (*release)->swarm.info_hash] { return means_.pieces(content); };
  means.hurry = [this, content = (*release)->swarm.info_hash](const std::vector<std::uint32_t>& pieces) { means_.hurry(content, pieces); };
  return means;
}

}  // namespace shoal::node
