#include "node/fleet_view.hpp"

#include "store/hash_tree.hpp"

namespace shoal::node {
namespace {

using manifest::VerifiedRelease;
using swarm::MemberSession;

Result<std::vector<ReleaseId>> ids_to_verify(const MemberSession& session, const Shelf& shelf, const std::string& reference, bool elsewhere) {
  if (reference.empty()) return shelf.held();
  SHOAL_TRY(Reference wanted, parse_reference(reference));
  if (auto linked = shelf.linked(wanted); linked.ok() && !elsewhere) return std::vector{*linked};
  SHOAL_TRY(auto known, shelf.manifests());
  for (const ReleaseId& id : known) {
    auto release = shelf.verified(session.verifier(), id);
    if (!release || (*release)->model != wanted.model) continue;
    if (!wanted.version || (*release)->version == *wanted.version) return std::vector{id};
  }
  return fail(ErrorCode::not_found, wanted.str() + " was never fetched here: fetch it with 'shoal pull " + wanted.str() + "'");
}

store::Layout layout_of(const manifest::Release& release) {
  std::vector<store::LayoutFile> files;
  for (const auto& file : release.files) files.push_back({file.path, file.size});
  return {std::move(files), release.swarm.piece_length};
}

Json to_json(const std::vector<store::FileProblem>& problems) {
  Json rows = Json::array();
  for (const auto& problem : problems) rows.push_back({{"path", problem.path}, {"problem", problem.problem}});
  return rows;
}

/// True when every file is as signed.
Result<bool> verify_one(const VerifiedRelease& release, const fs::path& root, cli::Output& out, const std::stop_token& stop) {
  ByteCount size = release->total_size();
  store::HashOptions options;
  options.stop = stop;
  options.progress = [&](ByteCount done) { out.progress({"verifying " + title(*release), done, size, 0, "", Json::object()}); };
  auto problems = store::verify_files(root, layout_of(*release), file_hashes(*release), options);
  out.progress_done();
  if (!problems) return std::move(problems).error();
  std::string text = title(*release) + (problems->empty() ? ": all " + std::to_string(release->files.size()) + " files are as signed" : ": DAMAGED");
  for (const auto& problem : *problems) text += "\n  " + problem.path + " " + problem.problem;
  out.result({{"type", "verified"}, {"model", release->model.str()}, {"version", release->version.str()}, {"release", release.id().hex()},
              {"path", root.string()}, {"files", release->files.size()}, {"bytes", size}, {"ok", problems->empty()}, {"problems", to_json(*problems)}},
             text);
  return problems->empty();
}

void show_local(MemberSession& session, const Shelf& shelf, cli::Output& out) {
  auto credentials = session.credentials().current();
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(credentials->self.not_after - session.clock().now());
  const identity::Identity& self = session.self();
  Json value{{"type", "machine"}, {"fleet", self.fleet.str()}, {"role", std::string(identity::name(self.role))}, {"id", self.id.str()},
             {"name", session.name()}, {"site", session.site()}, {"tracker", session.tracker().str()},
             {"certificate_until", format_time(credentials->self.not_after)}, {"certificate_seconds_left", left.count() / 1000}};
  std::string text = "fleet " + self.fleet.str() + ", " + std::string(identity::name(self.role)) + " " + self.id.str() + "\ntracker " +
                     session.tracker().str() + "\ncertificate valid for " + format_duration(left);
  auto held = shelf.held();
  value["releases"] = Json::array();
  for (const ReleaseId& id : held.ok() ? *held : std::vector<ReleaseId>{}) {
    auto release = shelf.verified(session.verifier(), id);
    std::string shown = release ? title(**release) : "(no valid manifest)";
    text += "\nholds " + shown + "  " + (release ? format_bytes((*release)->total_size()) : "") + "  " + id.hex().substr(0, 12);
    value["releases"].push_back({{"release", id.hex()}, {"title", shown}});
  }
  out.result(value, text);
}

std::string swarm_table(const registry::FleetStatus& fleet) {
  std::string text = "the tracker sees " + std::to_string(fleet.machines.size()) + " machines";
  for (const auto& row : fleet.swarms)
    text += "\n  " + row.model.str() + "@" + row.version.str() + ": " + std::to_string(row.seeders) + " complete, " +
            std::to_string(row.leechers) + " fetching";
  return text;
}

}  // namespace

Status verify_local(MemberSession& session, const std::string& reference, const std::string& in, cli::Output& out,
                    const std::stop_token& stop) {
  if (!in.empty() && reference.empty()) return fail(ErrorCode::usage, "--in needs a REF: which release should be in " + in + "?");
  Shelf shelf(session.state());
  SHOAL_TRY(auto ids, ids_to_verify(session, shelf, reference, !in.empty()));
  if (ids.empty()) out.message("no release is on this machine yet: fetch one with 'shoal pull'");
  std::size_t damaged = 0;
  for (const ReleaseId& id : ids) {
    SHOAL_TRY(auto release, shelf.verified(session.verifier(), id));
    SHOAL_TRY(bool intact, verify_one(release, in.empty() ? shelf.release(id) : fs::path(in), out, stop));
    if (!intact) ++damaged;
  }
  if (damaged == 0) return {};
  return fail(ErrorCode::verification, std::to_string(damaged) + " of " + std::to_string(ids.size()) + " releases differ from what was signed");
}

Status show_status(MemberSession& session, cli::Output& out, const std::stop_token& stop) {
  Shelf shelf(session.state());
  show_local(session, shelf, out);
  SHOAL_TRY(auto fleet, session.client(stop)->status());
  Json value = parse_json(registry::encode(fleet), 64 * MiB).value_or(Json::object());
  value["type"] = "fleet";
  out.result(value, swarm_table(fleet));
  return {};
}

Status list_channels(MemberSession& session, const ModelName& model, cli::Output& out, const std::stop_token& stop) {
  auto registry = session.client(stop);
  SHOAL_TRY(auto rows, registry->channels(model));
  if (rows.empty()) return fail(ErrorCode::not_found, model.str() + " has no channel yet: set one with 'shoal channel set " + model.str() + ":main VERSION'");
  for (const auto& row : rows) {
    SHOAL_TRY(auto signed_pointer, manifest::SignedEnvelope::decode(row.envelope, manifest::channel_limit));
    SHOAL_TRY(auto pointer, session.verifier().channel(signed_pointer, model, row.channel, {}, session.clock().now()));
    SHOAL_TRY(auto reply, registry->release(pointer->release));
    SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
    SHOAL_TRY(auto release, session.verifier().release(envelope, model, pointer->release));
    out.result({{"type", "channel"}, {"model", model.str()}, {"channel", row.channel.str()}, {"version", release->version.str()},
                {"release", release.id().hex()}, {"sequence", pointer->sequence}, {"issued", format_time(pointer->issued)},
                {"expires", format_time(pointer->expires)}},
               model.str() + ":" + row.channel.str() + " -> " + release->version.str() + "  (sequence " + std::to_string(pointer->sequence) +
                   ", issued " + format_time(pointer->issued) + ")");
  }
  return {};
}

}  // namespace shoal::node
