import Testing

@testable import Containers

@Suite struct ContainerFilterTests {
    @Test func denyIsAskedFirst() throws {
        let filter = try ContainerFilter(allow: ["/k8s/"], deny: ["^/k8s/kube-system/"])
        #expect(filter.allows("/k8s/prod/web-0/app"))
        #expect(!filter.allows("/k8s/kube-system/dns/dns"))
        #expect(!filter.allows("/docker/web"))
    }

    @Test func withoutPatternsEverythingPasses() throws {
        #expect(try ContainerFilter().allows("/docker/web"))
        #expect(try ContainerFilter(allow: [""]).allows("/docker/web"))
    }

    @Test func operatorsSyntax() throws {
        #expect(try !ContainerFilter(deny: [#"web-\d+"#]).allows("/docker/web-12"))
        #expect(try ContainerFilter(deny: [#"web-\d+"#]).allows("/docker/web-dd"))
        #expect(try !ContainerFilter(deny: ["(?i)WEB"]).allows("/docker/web"))
        #expect(try !ContainerFilter(deny: ["/(?:docker|podman)/.*?x"]).allows("/podman/abcx"))
        #expect(try !ContainerFilter(deny: ["[[:digit:]]{2}$"]).allows("/docker/a42"))
    }

    @Test(arguments: ["(", "[a", "*", "a{2,1}", #"\"#])
    func badPatternsAreNamed(_ pattern: String) {
        let error = #expect(throws: ContainerFilter.PatternError.self) { _ = try ContainerFilter(deny: [pattern]) }
        #expect(error?.option == "--container-denylist")
        #expect(error?.pattern == pattern)
        #expect(error?.description.contains("\n") == false)
    }
}
