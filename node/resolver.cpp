#include "node/resolver.hpp"

#include "node/statement.hpp"

namespace shoal::node {

using manifest::SignedEnvelope;

namespace {

/// A channel may move between two questions.
constexpr int looks = 3;

Error not_the_stated_one(const Reference& reference, const manifest::ChannelState& stated, const manifest::ChannelPointer& shown) {
  const bool old = std::pair(shown.epoch, shown.sequence) < std::pair(stated.epoch, stated.sequence);
  return fail(ErrorCode::verification, "the tracker shows sequence " + std::to_string(shown.sequence) + " of " + reference.str() +
                                           ", and its freshness statement names " + (old ? "the newer " : "another pointer with ") +
                                           "sequence " + std::to_string(stated.sequence) + ": it withholds that one");
}

}  // namespace

Result<Wanted> Resolver::resolve(const Reference& reference) {
  auto wanted = reference.version ? by_version(reference) : by_channel(reference);
  if (!wanted && wanted.error().code == ErrorCode::not_found) return not_found(reference, wanted.error());
  return wanted;
}

Result<Wanted> Resolver::by_version(const Reference& reference) {
  SHOAL_TRY(auto reply, registry_.release(reference.model, *reference.version));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_.release(envelope, reference.model));
  // The tracker chooses the answer; the signature alone does not say that it is the version that was asked for.
  if (release->version != *reference.version)
    return fail(ErrorCode::verification, "the tracker answered " + reference.str() + " with version " + release->version.str());
  return Wanted{std::move(release), std::move(reply.envelope), std::nullopt};
}

Result<Wanted> Resolver::by_channel(const Reference& reference) {
  SHOAL_TRY(auto signed_pointer, stated_pointer(reference));
  SHOAL_TRY(auto seen, shelf_.seen(reference.model, reference.channel));
  SHOAL_TRY(auto pointer, verifier_.channel(signed_pointer, reference.model, reference.channel, seen, clock_.now()));
  SHOAL_CHECK(shelf_.check_not_another(*pointer));
  SHOAL_TRY(auto reply, registry_.release(pointer->release));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_.release(envelope, reference.model, pointer->release));
  return Wanted{std::move(release), std::move(reply.envelope), std::move(pointer)};
}

/// In fleets whose trust root names no key of the tracker, the pointer's own expiry is all that shows that it is old.
Result<SignedEnvelope> Resolver::stated_pointer(const Reference& reference) {
  Error unlike = fail("");
  for (int look = 0; look < looks; ++look) {
    SHOAL_TRY(std::string text, registry_.channel(reference.model, reference.channel));
    SHOAL_TRY(auto pointer, SignedEnvelope::decode(text, manifest::channel_limit));
    if (verifier_.root().tracker_keys.empty()) return pointer;
    SHOAL_TRY(const auto statement,
              newest_statement(registry_, verifier_, shelf_.state(), clock_, manifest::place_of(reference.model, reference.channel)));
    const manifest::ChannelState* stated = statement->find(reference.model, reference.channel);
    if (stated == nullptr)
      return fail(ErrorCode::verification,
                  "the tracker shows a pointer of " + reference.str() + ", which its freshness statement does not list");
    if (crypto::sha256(pointer.payload) == stated->pointer) return pointer;
    SHOAL_TRY(const auto shown, verifier_.channel(pointer, reference.model, reference.channel, {}, clock_.now()));
    unlike = not_the_stated_one(reference, *stated, *shown);
  }
  return unlike;
}

Error Resolver::not_found(const Reference& reference, const Error& cause) {
  if (cause.message.find(registry::withdrawn_words) != std::string::npos) return cause;
  auto versions = registry_.versions(reference.model);
  if (!versions) return cause;
  if (versions->empty()) return fail(ErrorCode::not_found, "the fleet has no model " + reference.model.str());
  std::string known;
  for (std::size_t i = 0; i < versions->size() && i < 5; ++i) known += (i > 0 ? ", " : "") + (*versions)[i].version.str();
  std::string missing = reference.version ? "version " + reference.version->str() : "channel " + reference.channel.str();
  return fail(ErrorCode::not_found, reference.model.str() + " has no " + missing + "; its versions are " + known + ": ask for one as " +
                                        VersionRef{reference.model, versions->front().version}.str());
}

}  // namespace shoal::node
